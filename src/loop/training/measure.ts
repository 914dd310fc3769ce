/** The figures of one model on labelled pictures, as reports and cards hold them. */
import type { LabelledPicture } from '../../data/pixel-cache.ts';
import type { CardMetrics } from '../../records/model-card.ts';
import type { CalibrationReport } from '../../records/reports.ts';
import { wilsonInterval } from '../../registry/wilson-interval.ts';
import type { Evaluation } from '../../training/evaluate.ts';
import {
  confusionMatrix,
  expectedCalibrationError,
  perLabelTable,
} from '../../training/metrics.ts';
import { describeCalibration } from '../../training/temperature.ts';

type Measured = CardMetrics & { readonly calibration: CalibrationReport };

/**
 * @param labels display names in class-index order
 * @param temperature what the model's logits are divided by
 */
export const measure = (
  labels: readonly string[],
  pictures: readonly LabelledPicture[],
  { predicted, probabilities, accuracy, top2Accuracy }: Evaluation,
  temperature: number,
): Measured => {
  const truth = pictures.map(({ label }) => label);
  const n = truth.length;
  const right = truth.filter((label, i) => predicted[i] === label).length;
  const matrix = confusionMatrix(labels, truth, predicted);
  return {
    n,
    accuracy,
    interval: wilsonInterval(right, n),
    top2Accuracy,
    perLabel: perLabelTable(matrix),
    confusionMatrix: matrix,
    calibrationError: expectedCalibrationError(probabilities, labels.length, truth),
    calibration: describeCalibration(probabilities, labels.length, truth, temperature),
  };
};
