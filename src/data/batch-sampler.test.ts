import { expect, test } from 'vitest';
import { createRandom } from '../base/random.ts';
import { createBatchSampler } from './batch-sampler.ts';

const draw = (count: number, labels: readonly number[], balanced: boolean, seed = 1) =>
  Array.from({ length: count }, createBatchSampler(labels, balanced, createRandom(seed)));

test('unbalanced: every picture once in each epoch, in another order', () => {
  const labels = [0, 0, 0, 1, 1, 2, 2, 2, 2, 2];
  const drawn = draw(20, labels, false);
  const sorted = (part: number[]) => part.sort((left, right) => left - right);
  expect(sorted(drawn.slice(0, 10))).toEqual([...labels.keys()]);
  expect(sorted(drawn.slice(10))).toEqual([...labels.keys()]);
  expect(draw(10, labels, false)).not.toEqual(draw(20, labels, false).slice(10));
});

test('balanced: any batch holds the classes equally, small classes repeat', () => {
  const labels = [...Array(30).fill(0), 1, 1, ...Array(7).fill(5)];
  const drawn = draw(90, labels, true);
  for (let start = 0; start < 90; start += 9) {
    const counts = new Map<number, number>();
    for (const index of drawn.slice(start, start + 9)) {
      counts.set(labels[index], (counts.get(labels[index]) ?? 0) + 1);
    }
    expect([...counts.values()]).toEqual([3, 3, 3]);
  }
  // 30 pictures of the large class: each of them once before any of them again.
  expect(new Set(drawn.filter((index) => labels[index] === 0)).size).toBe(30);
});

test('the seed decides', () => {
  const labels = [0, 1, 0, 1, 1, 0, 0];
  expect(draw(30, labels, true, 4)).toEqual(draw(30, labels, true, 4));
  expect(draw(30, labels, true, 4)).not.toEqual(draw(30, labels, true, 5));
});
