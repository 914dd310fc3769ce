import { describe, expect, it } from 'vitest';
import { counted } from '../base/counted.ts';
import {
  displayWidth,
  formatAccuracy,
  formatBar,
  formatConfusionMatrix,
  formatForeign,
  formatLogLine,
  formatPValue,
  formatSeconds,
  formatTable,
} from './text.ts';

describe('text', () => {
  it('names in a line of the log what the message leaves to its fields', () => {
    expect(formatLogLine('Done.')).toBe('Done.');
    expect(formatLogLine('The lease was not given back.', { error: 'Error: away' })).toBe(
      'The lease was not given back. (error: Error: away)',
    );
    const fields = { key: 'feedback/cat/x', reason: 'too\u001b large', version: null };
    expect(formatLogLine('"feedback/cat/x" was set aside.', fields)).toBe(
      '"feedback/cat/x" was set aside. (reason: too� large)',
    );
  });

  it('a table has numbers to the right and, as far as it is told, words to the left', () => {
    const rows = [
      ['ok', 'node', 'v20'],
      ['NOT OK', 'store', 'There is none.'],
    ];
    expect(formatTable(rows, 3)).toBe('ok      node   v20\nNOT OK  store  There is none.');
    expect(formatTable(rows)).toBe('ok       node             v20\nNOT OK  store  There is none.');
  });

  it.each([
    [0, '0 problems'],
    [1, '1 problem'],
    [1500, '1,500 problems'],
  ])('%s of a thing read as %s', (value, text) => {
    expect(counted(value, 'problem')).toBe(text);
  });

  it.each([
    [7.6, '8 s'],
    [192, '3 min 12 s'],
    [7500, '2 h 5 min'],
  ])('%s seconds read as %s', (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text);
  });

  it('an accuracy comes with its interval', () => {
    expect(formatAccuracy({ accuracy: 0.874, n: 1500, interval: [0.856, 0.8899] })).toBe(
      '87.4 % of 1,500 (95 % interval 85.6–89.0 %)',
    );
  });

  it('an accuracy of no pictures is none', () => {
    expect(formatAccuracy({ accuracy: 0, n: 0, interval: [0, 1] })).toBe(
      'accuracy not known, there are no pictures to judge by',
    );
  });

  it.each([
    [0, '    '],
    [0.5, '██  '],
    [0.53125, '██▏ '],
    [1, '████'],
    [7, '████'],
  ])('a bar of %s', (fraction, bar) => {
    expect(formatBar(fraction, 4)).toBe(bar);
  });

  it('columns line up, with wide characters too', () => {
    expect(
      formatTable([
        ['label', 'n'],
        ['猫', '12'],
        ['dog', '3'],
      ]),
    ).toBe(['label   n', '猫     12', 'dog     3'].join('\n'));
    expect(displayWidth('猫 cat')).toBe(6);
  });

  it('of many labels the most frequent confusions are told, not the matrix', () => {
    const labels = Array.from({ length: 300 }, (_, n) => `class ${n}`);
    const rows: number[][] = labels.map((_, truth) =>
      labels.map((__, other) => (truth === other ? 9 : 0)),
    );
    const whole = formatConfusionMatrix({ labels, rows });
    expect(whole).toBe('No label is taken for another.');
    const confused = rows.map((row, truth) => (truth === 7 ? row.with(3, 2).with(4, 5) : row));
    expect(formatConfusionMatrix({ labels, rows: confused })).toBe(
      '5 class 7 taken for class 4\n2 class 7 taken for class 3',
    );
  });

  it('small p-values keep their order of magnitude', () => {
    expect(formatPValue(0.0312)).toBe('p = 0.031');
    expect(formatPValue(1.5e-9)).toBe('p = 1.5e-9');
  });

  it('text from outside can’t steer the terminal', () => {
    expect(formatForeign('a\u001b[31m\nb\u202ec')).toBe('a�[31m�b�c');
  });
});
