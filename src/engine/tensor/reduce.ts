/** The few reductions that run in JavaScript, on logits and probabilities. */

/** Softmax of each row, in place and stable. @param values [rows, columns] */
export const softmaxRows = (values: Float32Array, columns: number): Float32Array => {
  for (let start = 0; start < values.length; start += columns) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let i = start; i < start + columns; i++) largest = Math.max(largest, values[i] as number);
    let sum = 0;
    for (let i = start; i < start + columns; i++) {
      const exponential = Math.exp((values[i] as number) - largest);
      values[i] = exponential;
      sum += exponential;
    }
    for (let i = start; i < start + columns; i++) values[i] = (values[i] as number) / sum;
  }
  return values;
};

/** Index of the largest element; the first among equals. */
export const argmax = (values: ArrayLike<number>): number => {
  let best = 0;
  for (let i = 1; i < values.length; i++)
    if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
};

/** Indices of the `count` largest elements, largest first; ties by index. */
export const topK = (values: ArrayLike<number>, count: number): number[] =>
  Array.from(values, (_, index) => index)
    .sort((a, b) => (values[b] as number) - (values[a] as number) || a - b)
    .slice(0, count);
