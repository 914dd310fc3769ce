/** Running means of one round's training figures, from the logits each step already computes. */
import { topK } from '../engine/tensor/reduce.ts';

export interface RoundMeter {
  /** @param logits [N, classes] */
  add(loss: number, logits: Float32Array, labels: Int32Array): void;
  reset(): void;
  /** null before the first step of a round. */
  readonly loss: number | null;
  readonly accuracy: number;
  readonly top2Accuracy: number;
  state(): MeterState;
}

/** Sums of the round so far. */
export interface MeterState {
  readonly steps: number;
  readonly pictures: number;
  readonly lossSum: number;
  readonly right: number;
  readonly nearlyRight: number;
}

const nothing: MeterState = { steps: 0, pictures: 0, lossSum: 0, right: 0, nearlyRight: 0 };

/** @param from the state of a run that was interrupted */
export const createRoundMeter = (classes: number, from: MeterState = nothing): RoundMeter => {
  let { steps, pictures, lossSum, right, nearlyRight } = from;
  const share = (count: number) => (pictures === 0 ? 0 : count / pictures);
  return {
    add: (loss, logits, labels) => {
      steps += 1;
      lossSum += loss;
      pictures += labels.length;
      labels.forEach((label, row) => {
        const [first, second] = topK(logits.subarray(row * classes, (row + 1) * classes), 2);
        if (first === label) right += 1;
        if (first === label || second === label) nearlyRight += 1;
      });
    },
    reset: () => {
      ({ steps, pictures, lossSum, right, nearlyRight } = nothing);
    },
    state: () => ({ steps, pictures, lossSum, right, nearlyRight }),
    get loss() {
      return steps === 0 ? null : lossSum / steps;
    },
    get accuracy() {
      return share(right);
    },
    get top2Accuracy() {
      return share(nearlyRight);
    },
  };
};
