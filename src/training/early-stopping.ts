/**
 * When to stop, and which round to keep. The article's counter: it starts at `patience`, falls by
 * one after each round and goes back when the round improved on the best so far, in accuracy or in
 * loss. What is kept is the round with the lowest loss: on a few hundred validation pictures the
 * highest accuracy is often luck of one round, while the loss weighs how sure each answer was.
 */
export interface EarlyStopping {
  /**
   * Takes one round's figures. `best`: these are the weights to keep.
   * @param round.isTrial a round too early to count against the patience; default false
   */
  observe(round: {
    readonly accuracy: number;
    readonly loss: number;
    readonly isTrial?: boolean;
  }): { readonly best: boolean };
  /** The highest so far; null before the first round. */
  readonly bestAccuracy: number | null;
  readonly roundsLeft: number;
  state(): StoppingState;
}

export interface StoppingState {
  readonly bestAccuracy: number | null;
  readonly lowestLoss: number | null;
  readonly roundsLeft: number;
}

/** @param from the state of a run that was interrupted */
export const createEarlyStopping = (patience: number, from?: StoppingState): EarlyStopping => {
  let bestAccuracy = from?.bestAccuracy ?? null;
  let lowestLoss = from?.lowestLoss ?? null;
  let roundsLeft = from?.roundsLeft ?? patience;
  return {
    observe: ({ accuracy, loss, isTrial = false }) => {
      const best = lowestLoss === null || loss < lowestLoss;
      const improved = best || bestAccuracy === null || accuracy > bestAccuracy;
      if (best) lowestLoss = loss;
      bestAccuracy = Math.max(bestAccuracy ?? 0, accuracy);
      roundsLeft = improved || isTrial ? patience : roundsLeft - 1;
      return { best };
    },
    state: () => ({ bestAccuracy, lowestLoss, roundsLeft }),
    get bestAccuracy() {
      return bestAccuracy;
    },
    get roundsLeft() {
      return roundsLeft;
    },
  };
};
