/** What counts as a divergence, and what only looks like one. */
import { describe, expect, it } from 'vitest';
import { checkLearning, checkLoss, divergedTwice, isUseless } from './divergence.ts';
import type { CurvePoint } from './fit-types.ts';

const classes = 2;
const guess = Math.log(classes);
const round = (trainLoss: number, validationLoss: number, step = 40): CurvePoint => ({
  step,
  trainLoss,
  trainAccuracy: 0.5,
  trainTop2Accuracy: 1,
  validationLoss,
  validationAccuracy: 0.5,
});
const high = { peak: 1, usual: 0.006, progress: 0.5 };
const looking =
  (point: CurvePoint, rate = high) =>
  () =>
    checkLearning(point, classes, rate);

describe('a loss', () => {
  it('that is no number, or far beyond a guess, is a divergence', () => {
    for (const loss of [Number.NaN, Number.POSITIVE_INFINITY, 51 * guess])
      expect(() => checkLoss(loss, classes, 3, 0.1)).toThrow('at step 3');
    checkLoss(49 * guess, classes, 3, 0.1);
  });
});

describe('a round at a rate far above the usual one', () => {
  it('that ends no better than a guess is a divergence, with the numbers', () => {
    expect(looking(round(guess, 0.7))).toThrow(
      /after 40 steps, with a learning rate of 1.00 at its peak \(usual: 0.006\), the loss was 0.6931 .* 0.7000 on the others, where guessing costs 0.6931/,
    );
  });

  it.each([
    ['the pictures it learns from are answered better', round(0.6, 2), high],
    ['the validation pictures are answered better', round(0.8, 0.65), high],
    ['the schedule has not come to its middle', round(2, 3), { ...high, progress: 0.49 }],
    ['there were too few steps', round(2, 3, 19), high],
    [
      'the rate is a usual one, and nothing can be learnt',
      round(0.7, 0.8),
      { ...high, peak: 0.05 },
    ],
  ])('goes on where %s', (_, point, rate) => {
    expect(looking(point, rate)).not.toThrow();
  });
});

it('a second divergence names both rates and what was tried', () => {
  const caught = (point: CurvePoint, rate: typeof high) => {
    try {
      checkLearning(point, classes, rate);
    } catch (error) {
      return error as Parameters<typeof isUseless>[0];
    }
    throw new Error('nothing was thrown');
  };
  const first = caught(round(guess, guess), high);
  expect(isUseless(first)).toBe(true);
  const twice = divergedTwice(first, caught(round(0.72, 0.7), { ...high, peak: 0.1 }), 0.006);
  expect(twice.message).toMatch(
    /learning rate of 1.00 .* Started over with a tenth of the rate: at step 40, with 0.100, it diverged again/,
  );
  expect(twice.hint).toContain('0.006');
});
