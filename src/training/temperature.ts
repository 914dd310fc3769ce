/**
 * Temperature scaling (Guo et al. 2017): one number that logits are divided by, so that a classifier
 * is as sure as it is right. Fitted on validation pictures, which decided early stopping only.
 */
import type { CalibrationReport } from '../records/reports.ts';
import { expectedCalibrationError } from './metrics.ts';

/** Deviation of ln T that is taken as likely before any picture was seen. */
const priorDeviation = 0.5;
/** T is sought between e^−range and e^range. */
const range = 2;
const goldenRatio = (Math.sqrt(5) - 1) / 2;
/** Each narrows the interval by 0.618: 4 becomes 2·10⁻⁶. */
const narrowings = 30;

/** Least representable share of a class; below it a logarithm would be infinite. */
const leastShare = 1e-30;

/**
 * The probabilities that the same logits give at a temperature: pᵢ^(1/T), normalized.
 * @param probabilities [N, classes], from logits divided by 1
 */
export const atTemperature = (
  probabilities: Float32Array,
  classes: number,
  temperature: number,
): Float32Array => {
  const scaled = new Float32Array(probabilities.length);
  for (let start = 0; start < scaled.length; start += classes) {
    const row = probabilities.subarray(start, start + classes);
    const powers = Array.from(row, (p) => Math.max(p, leastShare) ** (1 / temperature));
    const sum = powers.reduce((total, power) => total + power, 0);
    for (let k = 0; k < classes; k++) scaled[start + k] = (powers[k] as number) / sum;
  }
  return scaled;
};

/** Sum of −ln p(truth) at T, and what the prior says against this T. */
const objective = (logs: readonly (readonly number[])[], truth: ArrayLike<number>) => {
  return (logTemperature: number): number => {
    const inverse = Math.exp(-logTemperature);
    const prior = (logTemperature / priorDeviation) ** 2 / 2;
    return logs.reduce((sum, row, i) => {
      const normalizer = row.reduce((total, log) => total + Math.exp(log * inverse), 0);
      return sum + Math.log(normalizer) - (row[truth[i] as number] as number) * inverse;
    }, prior);
  };
};

/**
 * The temperature that makes the truth most likely, with a log-normal prior around 1 that counts
 * where pictures are few: ten right answers don't make a classifier sure.
 * @param probabilities [N, classes], from undivided logits
 * @param truth N class indices
 * @returns 1 without pictures
 */
export const fitTemperature = (
  probabilities: Float32Array,
  classes: number,
  truth: ArrayLike<number>,
): number => {
  if (truth.length === 0) return 1;
  const logs = Array.from({ length: truth.length }, (_, i) => {
    const row = Array.from(probabilities.subarray(i * classes, (i + 1) * classes), (p) =>
      Math.log(Math.max(p, leastShare)),
    );
    // The largest becomes 0, so that no exponential overflows.
    const top = Math.max(...row);
    return row.map((log) => log - top);
  });
  const at = objective(logs, truth);
  // Convex in 1/T, so it has one valley in ln T: golden-section search (Kiefer 1953).
  let [low, high] = [-range, range];
  let [left, right] = [high - goldenRatio * (high - low), low + goldenRatio * (high - low)];
  let [atLeft, atRight] = [at(left), at(right)];
  for (let i = 0; i < narrowings; i++) {
    if (atLeft < atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - goldenRatio * (high - low);
      atLeft = at(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + goldenRatio * (high - low);
      atRight = at(right);
    }
  }
  return Math.exp((low + high) / 2);
};

/** @param probabilities [N, classes], as the calibrated classifier gives them */
export const describeCalibration = (
  probabilities: Float32Array,
  classes: number,
  truth: ArrayLike<number>,
  temperature: number,
): CalibrationReport => {
  const undivided = atTemperature(probabilities, classes, 1 / temperature);
  return { temperature, errorBefore: expectedCalibrationError(undivided, classes, truth) };
};
