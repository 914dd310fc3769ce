/** Scores a classifier on pictures, in a fixed order, so that two models can be compared item by item. */

import type { TrainingBatch } from '../data/data-loader.ts';
import { createEvaluationBatches } from '../data/evaluation-batches.ts';
import type { LabelledPicture } from '../data/pixel-cache.ts';
import type { Classifier } from '../engine/runtime/classifier.ts';
import { argmax } from '../engine/tensor/reduce.ts';
import { crossEntropy, topKAccuracy } from './metrics.ts';

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

export interface EvaluateOptions {
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
  onProgress?(done: number): void;
}

export const evaluate = (
  classifier: Classifier,
  pictures: readonly LabelledPicture[],
  { batchSize = 64, ...options }: EvaluateOptions = {},
): Promise<Evaluation> => {
  const { preprocessing } = classifier;
  const batches = createEvaluationBatches({ pictures, preprocessing, batchSize });
  return evaluateBatches(classifier, batches, pictures.length, options);
};

/** The same on batches that were prepared before, so that a run decodes its validation set once. */
export const evaluateBatches = async (
  classifier: Classifier,
  batches: AsyncIterable<TrainingBatch>,
  count: number,
  { signal, onProgress }: Omit<EvaluateOptions, 'batchSize'> = {},
): Promise<Evaluation> => {
  const classes = classifier.labels.length;
  const probabilities = new Float32Array(count * classes);
  const truth = new Int32Array(count);
  let done = 0;
  for await (const { pixels, labels } of batches) {
    signal?.throwIfAborted();
    const rows = await classifier.classify(pixels, labels.length);
    probabilities.set(rows, done * classes);
    truth.set(labels, done);
    done += labels.length;
    onProgress?.(done);
  }
  return evaluationOf(probabilities, classes, truth);
};

/** @param probabilities [n, classes] */
export const evaluationOf = (
  probabilities: Float32Array,
  classes: number,
  truth: Int32Array,
): Evaluation => {
  const predicted = truth.map((_, i) =>
    argmax(probabilities.subarray(i * classes, (i + 1) * classes)),
  );
  const right = predicted.filter((label, i) => label === truth[i]).length;
  return {
    predicted,
    probabilities,
    loss: crossEntropy(probabilities, classes, truth),
    accuracy: truth.length === 0 ? 0 : right / truth.length,
    top2Accuracy: topKAccuracy(probabilities, classes, truth, 2),
  };
};
