import { describe, expect, test } from 'vitest';
import { createRandom } from '../base/random.ts';
import { softmaxRows } from '../engine/tensor/reduce.ts';
import { expectedCalibrationError } from './metrics.ts';
import { atTemperature, describeCalibration, fitTemperature } from './temperature.ts';

/** Truths are drawn from softmax(logits), so these logits are calibrated by construction. */
const drawCalibrated = (count: number) => {
  const random = createRandom(3);
  const logits = Float32Array.from({ length: 3 * count }, () => 2 * random.normal());
  const probabilities = softmaxRows(logits.slice(), 3);
  const truth = Array.from({ length: count }, (_, i) => {
    const draw = random.next();
    const first = probabilities[3 * i] as number;
    return draw < first ? 0 : draw < first + (probabilities[3 * i + 1] as number) ? 1 : 2;
  });
  return { logits, truth };
};

const softmaxOf = (logits: Float32Array, factor: number) =>
  softmaxRows(
    logits.map((logit) => logit * factor),
    3,
  );

describe('the temperature', () => {
  const { logits, truth } = drawCalibrated(4000);

  test.each([0.4, 1, 3])('undoes logits that were multiplied by %d', (factor) => {
    const temperature = fitTemperature(softmaxOf(logits, factor), 3, truth);
    expect(temperature / factor).toBeGreaterThan(0.93);
    expect(temperature / factor).toBeLessThan(1.07);
  });

  test('makes an overconfident classifier calibrated, and changes no answer', () => {
    const sure = softmaxOf(logits, 3);
    const before = expectedCalibrationError(sure, 3, truth);
    const temperature = fitTemperature(sure, 3, truth);
    const calibrated = atTemperature(sure, 3, temperature);
    expect(before).toBeGreaterThan(0.12);
    expect(expectedCalibrationError(calibrated, 3, truth)).toBeLessThan(0.03);
    const { errorBefore } = describeCalibration(calibrated, 3, truth, temperature);
    expect(errorBefore).toBeCloseTo(before, 4);
    const answers = (rows: Float32Array) =>
      truth.map((_, i) =>
        rows.subarray(3 * i, 3 * i + 3).indexOf(Math.max(...rows.subarray(3 * i, 3 * i + 3))),
      );
    expect(answers(calibrated)).toEqual(answers(sure));
  });

  test('stays near 1 where a few right answers are all there is, and is 1 without any', () => {
    const right = Float32Array.of(0.9, 0.1, 0.9, 0.1, 0.9, 0.1);
    const temperature = fitTemperature(right, 2, [0, 0, 0]);
    expect(temperature).toBeGreaterThan(0.7);
    expect(temperature).toBeLessThan(1);
    expect(fitTemperature(new Float32Array(), 2, [])).toBe(1);
  });

  test('lives with probabilities of 0 and 1', () => {
    const temperature = fitTemperature(Float32Array.of(1, 0, 0, 1), 2, [0, 0]);
    expect(temperature).toBeGreaterThan(1);
    expect(Number.isFinite(temperature)).toBe(true);
  });
});
