import { expect, test } from 'vitest';
import { sha256 } from '../base/hash.ts';
import { splitOf } from './split.ts';

const shares = { holdout: 0.15, validation: 0.05 };

test.each([
  ['0'.repeat(64), 'holdout'],
  ['f'.repeat(64), 'train'],
  // 0.15 and 0.2 of 2^52, rounded up: the first hashes of the next part.
  [
    `${Math.ceil(0.15 * 2 ** 52)
      .toString(16)
      .padStart(13, '0')}${'0'.repeat(51)}`,
    'validation',
  ],
  [
    `${Math.ceil(0.2 * 2 ** 52)
      .toString(16)
      .padStart(13, '0')}${'0'.repeat(51)}`,
    'train',
  ],
])('%s: %s', (hash, split) => {
  expect(splitOf(hash, shares)).toBe(split);
});

test('the shares are met on many pictures', () => {
  const counts = { train: 0, validation: 0, holdout: 0 };
  for (let index = 0; index < 4000; index++)
    counts[splitOf(sha256(Buffer.of(index, index >> 8)), shares)]++;
  expect(Math.abs(counts.holdout / 4000 - 0.15)).toBeLessThan(0.02);
  expect(Math.abs(counts.validation / 4000 - 0.05)).toBeLessThan(0.015);
});

test('a share of nothing takes nothing', () => {
  expect(splitOf('0'.repeat(64), { holdout: 0, validation: 0 })).toBe('train');
  expect(splitOf('f'.repeat(64), { holdout: 1, validation: 0 })).toBe('holdout');
});
