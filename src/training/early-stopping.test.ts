import { describe, expect, it } from 'vitest';
import { createEarlyStopping } from './early-stopping.ts';

const observeAll = (rounds: readonly (readonly [accuracy: number, loss: number])[]) => {
  const stopping = createEarlyStopping(5);
  const best = rounds.map(([accuracy, loss]) => stopping.observe({ accuracy, loss }).best);
  return { best, bestAccuracy: stopping.bestAccuracy, roundsLeft: stopping.roundsLeft };
};

describe('early stopping', () => {
  it('counts down from the patience and back up when accuracy improves', () => {
    expect(
      observeAll([
        [0.6, 1],
        [0.5, 1],
        [0.5, 1],
      ]).roundsLeft,
    ).toBe(3);
    expect(
      observeAll([
        [0.6, 1],
        [0.5, 1],
        [0.7, 1],
      ]).roundsLeft,
    ).toBe(5);
  });

  it('ends after five rounds that improve on nothing, as the article does', () => {
    expect(observeAll([[0.6, 1], ...Array(5).fill([0.6, 1])]).roundsLeft).toBe(0);
  });

  it('lets a falling loss buy time', () => {
    expect(
      observeAll([
        [0.6, 1],
        [0.5, 0.9],
        [0.5, 0.8],
      ]).roundsLeft,
    ).toBe(5);
  });

  it('keeps the round with the lowest loss, and tells the highest accuracy', () => {
    const { best, bestAccuracy } = observeAll([
      [0.6, 1],
      [0.62, 1.1],
      [0.61, 0.9],
      [0.6, 0.95],
    ]);
    expect(best).toEqual([true, false, true, false]);
    expect(bestAccuracy).toBe(0.62);
  });

  it('does not count a trial against the patience, and still keeps it when it is the best', () => {
    const stopping = createEarlyStopping(2);
    for (const loss of [1, 2, 3])
      expect(stopping.observe({ accuracy: 0.5, loss, isTrial: true }).best).toBe(loss === 1);
    expect(stopping.roundsLeft).toBe(2);
    stopping.observe({ accuracy: 0.5, loss: 3 });
    expect(stopping.roundsLeft).toBe(1);
  });
});
