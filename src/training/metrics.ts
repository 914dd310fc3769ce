/** Numbers that describe a classifier's answers on labelled pictures. */
import { topK } from '../engine/tensor/reduce.ts';
import type { ConfusionMatrix, EvaluationReport } from '../records/reports.ts';

/** rows[truth][predicted]. */
export const confusionMatrix = (
  labels: readonly string[],
  truth: ArrayLike<number>,
  predicted: ArrayLike<number>,
): ConfusionMatrix => {
  const rows = labels.map(() => labels.map(() => 0));
  for (let i = 0; i < truth.length; i++) {
    const row = rows[truth[i] as number] as number[];
    row[predicted[i] as number] = (row[predicted[i] as number] as number) + 1;
  }
  return { labels, rows };
};

/** Recall and precision of each class; null where there is nothing to divide by. */
export const perLabelTable = ({ labels, rows }: ConfusionMatrix): EvaluationReport['perLabel'] =>
  Object.fromEntries(
    labels.map((label, index) => {
      const n = (rows[index] as readonly number[]).reduce((sum, count) => sum + count, 0);
      const predicted = rows.reduce((sum, row) => sum + (row[index] as number), 0);
      const right = (rows[index] as readonly number[])[index] as number;
      const share = (total: number) => (total === 0 ? null : right / total);
      return [label, { n, recall: share(n), precision: share(predicted) }];
    }),
  );

/** Share of rows whose truth is among the `k` most likely classes. */
export const topKAccuracy = (
  probabilities: Float32Array,
  classes: number,
  truth: ArrayLike<number>,
  k: number,
): number => {
  let right = 0;
  for (let i = 0; i < truth.length; i++) {
    const row = probabilities.subarray(i * classes, (i + 1) * classes);
    if (topK(row, k).includes(truth[i] as number)) right += 1;
  }
  return truth.length === 0 ? 0 : right / truth.length;
};

/** Mean of −ln p(truth); probabilities below 1e-12 count as 1e-12. */
export const crossEntropy = (
  probabilities: Float32Array,
  classes: number,
  truth: ArrayLike<number>,
): number => {
  let sum = 0;
  for (let i = 0; i < truth.length; i++) {
    const probability = probabilities[i * classes + (truth[i] as number)] as number;
    sum -= Math.log(Math.max(probability, 1e-12));
  }
  return truth.length === 0 ? 0 : sum / truth.length;
};

/**
 * Expected calibration error: the mean gap between confidence and accuracy over bins of equal
 * width, weighted by how many answers fall into each (Guo et al. 2017).
 */
export const expectedCalibrationError = (
  probabilities: Float32Array,
  classes: number,
  truth: ArrayLike<number>,
  bins = 15,
): number => {
  const gaps = new Float64Array(bins);
  for (let i = 0; i < truth.length; i++) {
    const row = probabilities.subarray(i * classes, (i + 1) * classes);
    const predicted = topK(row, 1)[0] as number;
    const confidence = row[predicted] as number;
    const bin = Math.min(bins - 1, Math.floor(confidence * bins));
    gaps[bin] = (gaps[bin] as number) + confidence - (predicted === truth[i] ? 1 : 0);
  }
  const total = gaps.reduce((sum, gap) => sum + Math.abs(gap), 0);
  return truth.length === 0 ? 0 : total / truth.length;
};
