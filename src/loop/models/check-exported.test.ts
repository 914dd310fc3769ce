import { expect, it } from 'vitest';
import type { ExportReport } from '../../records/reports.ts';
import { checkExported } from './check-exported.ts';

const report = (n: number, onlyOriginal: number, onlyExported: number): ExportReport => ({
  version: 3,
  format: 'int8',
  bytes: 1,
  originalBytes: 4,
  sha256: '0'.repeat(64),
  n,
  accuracy: n === 0 ? null : (n - onlyOriginal) / n,
  interval: [0, 1],
  originalAccuracy: n === 0 ? null : (n - onlyExported) / n,
  disagreements: onlyOriginal + onlyExported,
  onlyExported,
  onlyOriginal,
  msPerPicture: { batch1: 1, batch8: 1 },
  originalMsPerPicture: { batch1: 1, batch8: 1 },
  forced: false,
});

it.each([
  ['nothing', 75, 0, 0],
  ['one picture of a small holdout', 75, 1, 0],
  ['one more than it wins', 75, 3, 2],
  ['a point of many', 1000, 30, 20],
])('takes a file that loses %s', (_, n, lost, won) => {
  expect(() => checkExported(report(n, lost, won))).not.toThrow();
});

it.each([
  [
    75,
    2,
    0,
    'loses 2 pictures of the 75 of the holdout (97.3 % right instead of 100.0 %, p = 0.25); at most one picture or 1 % may be lost.',
  ],
  [2000, 8, 0, 'p = 0.0039); that is more than luck.'],
])('refuses a file that of %d loses %d and wins %d', (n, lost, won, says) => {
  expect(() => checkExported(report(n, lost, won))).toThrow(
    expect.objectContaining({
      code: 'export_less_accurate',
      message: expect.stringContaining(says),
      hint: expect.stringContaining('--force'),
    }),
  );
});

it('refuses what nobody can measure', () => {
  expect(() => checkExported(report(0, 0, 0))).toThrow(
    expect.objectContaining({ code: 'export_not_measured' }),
  );
});
