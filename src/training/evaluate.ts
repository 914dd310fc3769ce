/** Scores a classifier on pictures, in a fixed order, so that two models can be compared item by item. */
import type { Classifier } from '../engine/runtime/classifier.ts';
import type { LabelledPicture } from './fit.ts';

export interface Evaluation {
  /** Class index predicted for each picture, in input order. */
  readonly predicted: Int32Array;
  /** [n, classes] softmax probabilities. */
  readonly probabilities: Float32Array;
  /** Mean softmax cross-entropy, natural logarithm. */
  readonly loss: number;
  readonly accuracy: number;
  readonly top2Accuracy: number;
}

export type Evaluate = (
  classifier: Classifier,
  pictures: readonly LabelledPicture[],
  options?: {
    readonly batchSize?: number;
    readonly signal?: AbortSignal;
    onProgress?(done: number): void;
  },
) => Promise<Evaluation>;
