import { expect, test } from 'vitest';
import { parseIdRange, parseKaggleName } from './kaggle-name.ts';

test.each([
  ['cat.73.jpg', { label: 'cat', id: 73 }],
  ['dog.0.JPEG', { label: 'dog', id: 0 }],
  ['red.panda.12.png', { label: 'red.panda', id: 12 }],
  ['猫.5.webp', { label: '猫', id: 5 }],
])('%s', (name, expected) => {
  expect(parseKaggleName(name)).toEqual(expected);
});

test.each(['cat.jpg', '73.jpg', '.73.jpg', 'cat.x.jpg', 'cat.73', 'a/cat.73.jpg', 'cat.-1.jpg'])(
  '%s has no label and number',
  (name) => {
    expect(parseKaggleName(name)).toBeUndefined();
  },
);

test('id ranges include both ends', () => {
  expect(parseIdRange('0-4999')).toEqual([0, 4999]);
  expect(parseIdRange('7')).toEqual([7, 7]);
});

test.each(['', '9-1', 'a-b', '1-', '-5', '1-2-3', '0x10'])('"%s" is not a range', (text) => {
  expect(() => parseIdRange(text)).toThrow(expect.objectContaining({ kind: 'usage' }));
});
