import fc from 'fast-check';
import { expect, it } from 'vitest';
import { wilsonInterval } from './wilson-interval.ts';

it.each([
  // The closed formula, worked out apart in Python.
  [81, 263, 0.255289, 0.36621],
  [15, 148, 0.062386, 0.160487],
  [0, 20, 0, 0.161125],
  [20, 20, 0.838875, 1],
  [1, 2, 0.094531, 0.905469],
])('%i of %i', (successes, trials, low, high) => {
  const [lower, upper] = wilsonInterval(successes, trials);
  expect(lower).toBeCloseTo(low, 6);
  expect(upper).toBeCloseTo(high, 6);
});

it('knows nothing without trials', () => {
  expect(wilsonInterval(0, 0)).toEqual([0, 1]);
});

it('holds the share and stays inside 0..1', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1e6 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (trials, share) => {
        const successes = Math.round(trials * share);
        const [low, high] = wilsonInterval(successes, trials);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeLessThanOrEqual(successes / trials);
        expect(high).toBeGreaterThanOrEqual(successes / trials);
      },
    ),
  );
});
