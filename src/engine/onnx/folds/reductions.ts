/** Folds over some of the axes. */
import { sizeOf } from '../../tensor/shape.ts';
import { copyStrided, emptyLiteral, integers, type Literal, stridesOf } from '../literal.ts';
import { axisOf, reducedAxes } from '../node-shapes.ts';
import { floatAttribute, intAttribute } from '../onnx-node.ts';
import { at, type Fold, reshaped } from './fold.ts';

const reduction =
  (start: number, combine: (sum: number, x: number) => number, mean = false): Fold =>
  (inputs, node) => {
    const x = at(inputs, 0, node);
    const axes = reducedAxes(node, x.shape, inputs[1]);
    const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
    const strides = stridesOf(kept).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
    const positions = copyStrided(
      integers(Array.from({ length: sizeOf(kept) }, (_, i) => i)),
      x.shape,
      strides,
    );
    const result = emptyLiteral(x.kind, kept, x.stored);
    const totals = new Float64Array(result.data.length).fill(start);
    x.data.forEach((value, i) => {
      const position = positions.data[i] as number;
      totals[position] = combine(totals[position] as number, value);
    });
    const count = mean ? x.data.length / totals.length : 1;
    result.data.set(totals.map((total) => total / count));
    const keeps = intAttribute(node, 'keepdims', 1) === 1;
    return keeps
      ? result
      : reshaped(
          result,
          x.shape.filter((_, axis) => !axes.includes(axis)),
        );
  };

/** Running sums along an axis, one line of it after the other. */
const cumSum: Fold = (inputs, node) => {
  const x = at(inputs, 0, node);
  const axis = axisOf(node, at(inputs, 1, node).data[0] as number, x.shape.length);
  const extent = x.shape[axis] as number;
  const stride = stridesOf(x.shape)[axis] as number;
  const exclusive = intAttribute(node, 'exclusive', 0) === 1;
  const reverse = intAttribute(node, 'reverse', 0) === 1;
  const result = emptyLiteral(x.kind, x.shape, x.stored);
  for (let line = 0; line < x.data.length / extent; line++) {
    const start = Math.floor(line / stride) * stride * extent + (line % stride);
    let sum = 0;
    for (let step = 0; step < extent; step++) {
      const place = start + (reverse ? extent - 1 - step : step) * stride;
      const value = x.data[place] as number;
      result.data[place] = exclusive ? sum : sum + value;
      sum += value;
    }
  }
  return result;
};

/**
 * Weights that are normalized before they are used (Brock et al. 2021) come as a batch normalization
 * in training mode, over each of their filters.
 */
const batchNormalization: Fold = (inputs, node) => {
  const [x, scale, bias, mean, variance] = [0, 1, 2, 3, 4].map((index) =>
    at(inputs, index, node),
  ) as [Literal, Literal, Literal, Literal, Literal];
  const channels = x.shape[1] ?? 1;
  const inner = sizeOf(x.shape.slice(2));
  const epsilon = floatAttribute(node, 'epsilon', 1e-5);
  const ofBatch = intAttribute(node, 'training_mode', 0) === 1;
  const result = emptyLiteral('float', x.shape, x.stored);
  const count = x.data.length / channels;
  for (let c = 0; c < channels; c++) {
    const eachPlace = (visit: (place: number) => void): void => {
      for (let start = c * inner; start < x.data.length; start += channels * inner)
        for (let place = start; place < start + inner; place++) visit(place);
    };
    let centre = mean.data[c] as number;
    let spread = variance.data[c] as number;
    if (ofBatch) {
      let sum = 0;
      eachPlace((place) => {
        sum += x.data[place] as number;
      });
      centre = sum / count;
      let squares = 0;
      eachPlace((place) => {
        squares += ((x.data[place] as number) - centre) ** 2;
      });
      spread = squares / count;
    }
    const factor = (scale.data[c] as number) / Math.sqrt(spread + epsilon);
    const offset = bias.data[c] as number;
    eachPlace((place) => {
      result.data[place] = ((x.data[place] as number) - centre) * factor + offset;
    });
  }
  return result;
};

export const reductions: Readonly<Record<string, Fold>> = {
  CumSum: cumSum,
  BatchNormalization: batchNormalization,
  ReduceProd: reduction(1, (product, x) => product * x),
  ReduceSum: reduction(0, (sum, x) => sum + x),
  ReduceMean: reduction(0, (sum, x) => sum + x, true),
  ReduceMax: reduction(Number.NEGATIVE_INFINITY, (most, x) => Math.max(most, x)),
  ReduceMin: reduction(Number.POSITIVE_INFINITY, (least, x) => Math.min(least, x)),
};
