/**
 * The gradients of a convolution in groups, depthwise included; each form was chosen by measurement
 * (docs/experiments.md). X [N,C,H,W], W [K,C/group,r,s], Y [N,K,P,Q].
 */
import type { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';
import type { ConvAttributes } from '../graph/ops.ts';
import type { Shape } from '../tensor/shape.ts';

type Extents4 = readonly [number, number, number, number];

/** Pixels of an output up to which a depthwise gradient is fastest as a correlation. */
const smallUpTo = 196;

export const groupedWeightGradient = (
  b: GraphBuilder,
  gradient: Value,
  input: Value,
  weightShape: Shape,
  attributes: ConvAttributes,
): Value => {
  const { group, strides } = attributes;
  const weight = weightShape as Extents4;
  const [n, , p, q] = gradient.shape as Extents4;
  const depthwise = weight[0] === group && weight[1] === 1;
  const dense = strides.every((stride) => stride === 1);
  if (dense && !(depthwise && p * q <= smallUpTo))
    return shiftedGradient(b, gradient, input, weight, attributes);
  if (!depthwise) return correlation(b, gradient, input, weight, attributes);
  // Every channel of every picture is a group of its own; the pictures are summed at the end.
  const [, , r, s] = weight;
  const inOnePicture = (value: Value) =>
    b.apply('Reshape', [value], { shape: [1, n * group, ...value.shape.slice(2)] });
  const each = correlation(b, inOnePicture(gradient), inOnePicture(input), [n * group, 1, r, s], {
    ...attributes,
    group: n * group,
  });
  const byPicture = b.apply('Reshape', [each], { shape: [n, ...weight] });
  return b.apply('ReduceSum', [byPicture], { axes: [0], keepDimensions: false });
};

/**
 * dW[k,c,i,j] = Σ dY[k, t−i, u] · X[c, t, u+j], for stride 1: the kernel's rows shift dY, its
 * columns shift X, and one product for each group of each picture gives all positions.
 */
const shiftedGradient = (
  b: GraphBuilder,
  gradient: Value,
  input: Value,
  [k, c, r, s]: Extents4,
  { pads, dilations, group }: ConvAttributes,
): Value => {
  const [n, , h] = input.shape as Extents4;
  const q = gradient.shape[3] as number;
  const filters = k / group;
  /** Moves a value along an axis, to an extent; what leaves is cut. */
  const shift = (value: Value, axis: 2 | 3, before: number, extent: number): Value => {
    const amounts = [0, 0, 0, 0, 0, 0, 0, 0];
    amounts[axis] = before;
    amounts[axis + 4] = extent - (value.shape[axis] as number) - before;
    if (amounts.every((amount) => amount === 0)) return value;
    return b.apply('Pad', [value], { pads: amounts });
  };
  const stack = (values: readonly Value[], channels: number): Value => {
    const flat = values.map((value) =>
      b.apply('Reshape', [value], { shape: [n * group, channels, h * q] }),
    );
    return flat.length === 1 ? (flat[0] as Value) : b.apply('Concat', flat, { axis: 1 });
  };
  const rows = stack(
    Array.from({ length: r }, (_, i) => shift(gradient, 2, i * dilations[0] - pads[0], h)),
    filters,
  ); // [N·group, r·K/group, H·Q]
  const columns = stack(
    Array.from({ length: s }, (_, j) => shift(input, 3, pads[1] - j * dilations[1], q)),
    c,
  ); // [N·group, s·C/group, H·Q]
  const products = b.apply('FusedMatMul', [rows, columns], {
    transA: false,
    transB: true,
    alpha: 1,
  });
  const byPicture = b.apply('Reshape', [products], { shape: [n, group, r, filters, s, c] });
  const sum = b.apply('ReduceSum', [byPicture], { axes: [0], keepDimensions: false });
  const positionsLast = b.apply('Transpose', [sum], { permutation: [0, 2, 4, 1, 3] });
  return b.apply('Reshape', [positionsLast], { shape: [k, c, r, s] });
};

/**
 * A convolution of X with a kernel as large as dY, in which pictures take the place of channels and
 * strides and dilations change places.
 */
const correlation = (
  b: GraphBuilder,
  gradient: Value,
  input: Value,
  [, c, r, s]: Extents4,
  { strides, pads, dilations, group }: ConvAttributes,
): Value => {
  const [n, , h, w] = input.shape as Extents4;
  const [, , p, q] = gradient.shape as Extents4;
  const grouped = b.apply('Reshape', [input], { shape: [n, group, c, h, w] });
  const picturesInside = exchange(b, grouped, [2, 1, 0, 3, 4]);
  /** What the last kernel position still reads behind X; rows that no position reads make more. */
  const after = (extent: number, outputs: number, kernel: number, axis: 0 | 1) =>
    Math.max(
      0,
      (kernel - 1) * dilations[axis] + (outputs - 1) * strides[axis] + 1 - extent - pads[axis],
    );
  const positions = b.apply(
    'Conv',
    [
      b.apply('Reshape', [picturesInside], { shape: [c, group * n, h, w] }),
      exchange(b, gradient, [1, 0, 2, 3]),
    ],
    {
      strides: dilations,
      dilations: strides,
      group,
      pads: [pads[0], pads[1], after(h, p, r, 0), after(w, q, s, 1)],
    },
  ); // [C/group, K, r, s], perhaps with more rows and columns
  const own =
    positions.shape[2] === r && positions.shape[3] === s
      ? positions
      : b.apply('Slice', [positions], {
          starts: [0, 0],
          ends: [r, s],
          axes: [2, 3],
          steps: [1, 1],
        });
  return exchange(b, own, [1, 0, 2, 3]);
};

/** A transposition, for which a reshape does where it only moves extents of 1. */
const exchange = (b: GraphBuilder, value: Value, permutation: readonly number[]): Value => {
  const shape = permutation.map((axis) => value.shape[axis] as number);
  const moved = permutation.filter((axis) => value.shape[axis] !== 1);
  return moved.every((axis, i) => i === 0 || axis > (moved[i - 1] as number))
    ? b.apply('Reshape', [value], { shape })
    : b.apply('Transpose', [value], { permutation });
};

/** W [K,C/group,r,s] → [C,K/group,r,s], each group transposed. */
export const transposeGroups = (b: GraphBuilder, weight: Value, group: number): Value => {
  const [k, c, r, s] = weight.shape as Extents4;
  const apart = b.apply('Reshape', [weight], { shape: [group, k / group, c, r, s] });
  const exchanged = exchange(b, apart, [0, 2, 1, 3, 4]);
  return b.apply('Reshape', [exchanged], { shape: [group * c, k / group, r, s] });
};
