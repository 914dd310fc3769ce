/** Losses: from logits and targets to one number. */
import type { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';

/**
 * Mean softmax cross-entropy.
 * @param logits [N, classes]
 * @param targets [N, classes], each row a distribution: one-hot, smoothed or mixed
 */
export const softmaxCrossEntropy = (b: GraphBuilder, logits: Value, targets: Value): Value => {
  const logProbabilities = b.apply('LogSoftmax', [logits], { axis: 1 });
  const products = b.apply('Mul', [targets, logProbabilities]);
  const sum = b.apply('ReduceSum', [products], { axes: [0, 1], keepDimensions: false });
  return b.apply('Mul', [sum, b.scalar(-1 / (logits.shape[0] as number))]);
};

/**
 * One-hot rows with label smoothing (Szegedy et al. 2016): 1 − s for the truth, s spread evenly
 * over all classes.
 */
export const smoothedTargets = (
  labels: Int32Array,
  classes: number,
  smoothing: number,
): Float32Array => {
  const targets = new Float32Array(labels.length * classes).fill(smoothing / classes);
  labels.forEach((label, row) => {
    targets[row * classes + label] = 1 - smoothing + smoothing / classes;
  });
  return targets;
};
