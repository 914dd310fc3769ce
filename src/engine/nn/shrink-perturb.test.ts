import { expect, test } from 'vitest';
import { createRandom } from '../../base/random.ts';
import { compact } from './compact.ts';
import { shrinkPerturb } from './shrink-perturb.ts';

const kernel = Float32Array.from({ length: 4_000 }, (_, i) => (i % 2 === 0 ? 1 : 3));
const weights = new Map([
  ['stem/conv/kernel', kernel],
  ['stem/norm/scale', Float32Array.of(5)],
  ['stem/norm/mean', Float32Array.of(7)],
  ['stem/norm/variance', Float32Array.of(8)],
]);
const change = (keep: number, noise: number, seed = 1) =>
  shrinkPerturb(
    weights,
    { keep, noise },
    { architecture: compact, classes: 2, random: createRandom(seed) },
  );

test('kernels shrink and running statistics with them, everything else stays', () => {
  const changed = change(0.5, 0);
  expect(changed.get('stem/conv/kernel')).toEqual(kernel.map((x) => 0.5 * x));
  expect(changed.get('stem/norm/scale')).toEqual(Float32Array.of(5));
  expect(changed.get('stem/norm/mean')).toEqual(Float32Array.of(3.5));
  expect(changed.get('stem/norm/variance')).toEqual(Float32Array.of(2));
});

test('noise follows the deviation of the kernel, which is 1 here, and the seed', () => {
  const noisy = change(1, 0.1).get('stem/conv/kernel') as Float32Array;
  const noise = noisy.map((x, i) => x - (kernel[i] as number));
  const spread = Math.sqrt(noise.reduce((sum, x) => sum + x * x, 0) / noise.length);
  expect(spread).toBeGreaterThan(0.095);
  expect(spread).toBeLessThan(0.105);
  expect(change(1, 0.1).get('stem/conv/kernel')).toEqual(noisy);
  expect(change(1, 0.1, 2).get('stem/conv/kernel')).not.toEqual(noisy);
});

test('the weights that were given are left alone', () => {
  change(0, 1);
  expect(kernel[1]).toBe(3);
});
