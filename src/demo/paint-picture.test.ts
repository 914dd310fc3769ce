import { expect, it } from 'vitest';
import { sha256 } from '../base/hash.ts';
import { createRandom } from '../base/random.ts';
import { paintPicture } from './paint-picture.ts';

const random = createRandom(5);

it('paints the same picture from the same seed', () => {
  const [first, second] = [0, 1].map(() => paintPicture('cat', random.fork('one'), 32).data);
  expect(first).toEqual(second);
});

it('never paints two alike, and nothing flat', () => {
  const hashes = new Set<string>();
  for (let index = 0; index < 60; index++) {
    const { width, height, data } = paintPicture(
      index % 2 === 0 ? 'cat' : 'dog',
      random.fork(`picture ${index}`),
      32,
    );
    expect([width, height, data.length]).toEqual([32, 32, 32 * 32 * 3]);
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    const spread = Math.sqrt(
      data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length,
    );
    expect(spread).toBeGreaterThan(4);
    hashes.add(sha256(data));
  }
  expect(hashes.size).toBe(60);
});
