import { describe, expect, it } from 'vitest';
import {
  confusionMatrix,
  crossEntropy,
  expectedCalibrationError,
  perLabelTable,
  topKAccuracy,
} from './metrics.ts';

const labels = ['cat', 'dog', 'fox'];
const truth = [0, 0, 1, 1, 2];

describe('the confusion matrix', () => {
  const matrix = confusionMatrix(labels, truth, [0, 1, 1, 1, 0]);

  it('has a row for each truth and a column for each answer', () => {
    expect(matrix.rows).toEqual([
      [1, 1, 0],
      [0, 2, 0],
      [1, 0, 0],
    ]);
  });

  it('gives recall and precision, and null where nothing was predicted', () => {
    expect(perLabelTable(matrix)).toEqual({
      cat: { n: 2, recall: 0.5, precision: 0.5 },
      dog: { n: 2, recall: 1, precision: 2 / 3 },
      fox: { n: 1, recall: 0, precision: null },
    });
  });
});

describe('numbers from probabilities', () => {
  const probabilities = Float32Array.from([0.7, 0.2, 0.1, 0.1, 0.5, 0.4, 0.2, 0.3, 0.5]);

  it('counts the truth among the k most likely', () => {
    expect(topKAccuracy(probabilities, 3, [0, 2, 0], 1)).toBeCloseTo(1 / 3);
    expect(topKAccuracy(probabilities, 3, [0, 2, 0], 2)).toBeCloseTo(2 / 3);
    expect(topKAccuracy(probabilities, 3, [0, 2, 0], 3)).toBe(1);
  });

  it('takes the mean of the negative logarithms', () => {
    const expected = -(Math.log(0.7) + Math.log(0.4) + Math.log(0.2)) / 3;
    expect(crossEntropy(probabilities, 3, [0, 2, 0])).toBeCloseTo(expected, 5);
  });

  it('stays finite where the truth had no probability', () => {
    expect(crossEntropy(Float32Array.from([1, 0]), 2, [1])).toBeCloseTo(-Math.log(1e-12));
  });

  it('calls a classifier calibrated that is right as often as it is sure', () => {
    const sure = Float32Array.from(Array.from({ length: 10 }, () => [0.8, 0.2]).flat());
    expect(expectedCalibrationError(sure, 2, [0, 0, 0, 0, 0, 0, 0, 0, 1, 1])).toBeCloseTo(0, 5);
    expect(expectedCalibrationError(sure, 2, Array(10).fill(1))).toBeCloseTo(0.8, 5);
  });
});
