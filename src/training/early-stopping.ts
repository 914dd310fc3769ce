/**
 * When to stop: the article's counter. It starts at `patience`, falls by one after each round and
 * goes back when the round improved on the best so far. A better accuracy improves, and so does a
 * lower loss: on a few hundred validation pictures accuracy alone stands still for rounds by chance.
 */
export interface EarlyStopping {
  /** Takes one round's figures. `best`: these are the weights to keep. */
  observe(round: { readonly accuracy: number; readonly loss: number }): { readonly best: boolean };
  readonly bestAccuracy: number | null;
  readonly roundsLeft: number;
}

export const createEarlyStopping = (patience: number): EarlyStopping => {
  let best: { accuracy: number; loss: number } | null = null;
  let lowestLoss = Number.POSITIVE_INFINITY;
  let roundsLeft = patience;
  return {
    observe: ({ accuracy, loss }) => {
      const isBest =
        best === null ||
        accuracy > best.accuracy ||
        (accuracy === best.accuracy && loss < best.loss);
      const improved = isBest || loss < lowestLoss;
      if (isBest) best = { accuracy, loss };
      lowestLoss = Math.min(lowestLoss, loss);
      roundsLeft = improved ? patience : roundsLeft - 1;
      return { best: isBest };
    },
    get bestAccuracy() {
      return best?.accuracy ?? null;
    },
    get roundsLeft() {
      return roundsLeft;
    },
  };
};
