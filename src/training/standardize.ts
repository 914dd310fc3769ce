/**
 * Mean and spread of each feature over the training pictures, so that a penalty on the head means
 * the same for every feature.
 */
export interface Standardization {
  /** [size] */
  readonly mean: Float32Array;
  /** 1 / standard deviation; 0 for a feature that never changes, which can tell nothing. [size] */
  readonly inverseDeviation: Float32Array;
}

/**
 * @param features [n, size]
 * @param rows how many of them, from the first, are looked at
 */
export const standardize = (
  features: Float32Array,
  size: number,
  rows: number,
): Standardization => {
  const sums = new Float64Array(size);
  const squares = new Float64Array(size);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let f = 0; f < size; f++, at++) {
      const value = features[at] as number;
      sums[f] = (sums[f] as number) + value;
      squares[f] = (squares[f] as number) + value * value;
    }
  }
  const mean = Float32Array.from(sums, (sum) => sum / rows);
  const inverseDeviation = Float32Array.from(squares, (square, f) => {
    const variance = square / rows - ((sums[f] as number) / rows) ** 2;
    // Below this the spread is rounding.
    return variance > 1e-9 * (square / rows) && variance > 1e-12 ? 1 / Math.sqrt(variance) : 0;
  });
  return { mean, inverseDeviation };
};
