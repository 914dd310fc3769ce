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
}

export const createRoundMeter = (classes: number): RoundMeter => {
  let [steps, pictures, lossSum, right, nearlyRight] = [0, 0, 0, 0, 0];
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
      [steps, pictures, lossSum, right, nearlyRight] = [0, 0, 0, 0, 0];
    },
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
