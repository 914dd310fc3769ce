/**
 * The weight gradient of a convolution of few channels, such as a network's first: the windows of X
 * unrolled into rows [N, C·r·s, P·Q], times the blocks of dY [N, K/b, P·Q, b] as they lie, so that
 * the largest tensor of a network is read once and rearranged never. The unrolling is a convolution
 * whose kernels hold a single one each. Where dY comes out of a pool it is never made whole: there is
 * a product for each position in a window, and their windows of X are steps apart.
 */

import type { GraphBuilder } from '../../graph/builder.ts';
import type { Node, Value } from '../../graph/graph.ts';
import type { ConvAttributes } from '../../graph/ops.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { float32 } from '../../tensor/tensor.ts';
import { poolGradientParts, poolsTiles } from './blocked-max-pool-gradient.ts';
import type { Layout } from './layout.ts';

type Extents4 = readonly [number, number, number, number];

/** Rows up to which the unrolled windows are no larger than dY of usual layers. */
const mostRows = 32;

type WeightGradient = Node<'ConvWeightGradient'>;

/** Whether windows of x are small enough. */
export const hasFewChannels = (x: Value, kernel: readonly number[]): boolean => {
  const positions = sizeOf(kernel);
  return positions > 1 && (x.shape[1] as number) * positions <= mostRows;
};

/** Whether the form fits; it takes any number of pictures, the other blocked form whole blocks. */
export const isOfFewChannels = ({ inputs, attributes: { kernel } }: WeightGradient): boolean =>
  hasFewChannels(inputs[1] as Value, kernel);

/** @returns [K,C,r,s] in plain layout; K must be whole blocks */
export const unrolledWeightProduct = (node: WeightGradient, layout: Layout): Value => {
  const { builder: b } = layout;
  const [gradient, x] = node.inputs as [Value, Value];
  const { kernel } = node.attributes;
  const [c, k] = [x.shape[1] as number, gradient.shape[1] as number];
  const products = partsOf(node, layout).map((part) => product(layout, x, kernel, part));
  const sum = products.reduce((total, value) => b.apply('Add', [total, value]));
  const ofPictures = b.apply('ReduceSum', [sum], { axes: [0], keepDimensions: false });
  const filtersFirst = b.apply('Transpose', [ofPictures], { permutation: [0, 2, 1] });
  return b.apply('Reshape', [filtersFirst], { shape: [k, c, ...kernel] });
};

/** Some of dY's pixels, in blocked layout, and the windows of X that meet them. */
interface Part {
  readonly gradient: Value;
  readonly window: ConvAttributes;
}

const partsOf = (
  { inputs: [gradient, x], attributes: { kernel, ...window } }: WeightGradient,
  layout: Layout,
): readonly Part[] => {
  const whole = () => [{ gradient: layout.blocked(gradient as Value), window }];
  const pool = layout.producer(gradient as Value) as Node<'MaxPoolGradient'> | undefined;
  if (pool?.op !== 'MaxPoolGradient' || !poolsTiles(pool)) return whole();
  const [down, right] = pool.attributes.strides;
  const strides = [window.strides[0] * down, window.strides[1] * right] as const;
  const outputs = (pool.inputs[0] as Value).shape.slice(2);
  const windowAt = (at: readonly [number, number]): ConvAttributes => {
    const before = at.map(
      (step, axis) => (window.pads[axis] as number) - step * (window.strides[axis] as number),
    );
    const after = outputs.map((count, axis) => {
      const reach = ((kernel[axis] as number) - 1) * (window.dilations[axis] as number) + 1;
      const extent = (x as Value).shape[axis + 2] as number;
      return (count - 1) * (strides[axis] as number) + reach - extent - (before[axis] as number);
    });
    return { ...window, strides, pads: [...before, ...after] as unknown as Extents4 };
  };
  const positions = Array.from(
    { length: down * right },
    (_, i) => [Math.floor(i / right), i % right] as const,
  );
  // A margin that would have to be cut off instead of added.
  if (positions.some((at) => windowAt(at).pads.some((pad) => pad < 0))) return whole();
  const pooled = layout.producer(pool.inputs[1] as Value) as Node<'Conv'> | undefined;
  const recomputed =
    pooled?.op === 'Conv' &&
    pooled.inputs.length === 2 &&
    pooled.inputs[0] === x &&
    x?.shape[1] === 1
      ? { convolution: pooled, windowAt }
      : undefined;
  return poolGradientParts(pool, layout, recomputed).map(({ at, gradient: part }) => ({
    gradient: part,
    window: windowAt(at),
  }));
};

/** [N,C,H,W] → [N, C·r·s, P, Q] */
export const unrolledWindows = (
  b: GraphBuilder,
  x: Value,
  kernel: readonly [number, number],
  window: ConvAttributes,
): Value => {
  const c = x.shape[1] as number;
  const rows = c * sizeOf(kernel);
  const ones = new Float32Array(rows * rows);
  for (let row = 0; row < rows; row++) ones[row * rows + row] = 1;
  const unit = b.constant(float32([rows, c, ...kernel], ones), 'unit_kernels');
  return b.apply('Conv', [x, unit], window);
};

/** [N, K/b, C·r·s, b] */
const product = (
  layout: Layout,
  x: Value,
  kernel: readonly [number, number],
  { gradient, window }: Part,
): Value => {
  const { builder: b, blockSize } = layout;
  const c = x.shape[1] as number;
  const [n, k, p, q] = gradient.shape as Extents4;
  const rows = c * kernel[0] * kernel[1];
  const windows = unrolledWindows(b, layout.plain(x), kernel, window);
  return b.apply('MatMul', [
    b.apply('Reshape', [windows], { shape: [n, 1, rows, p * q] }),
    b.apply('Reshape', [gradient], { shape: [n, k / blockSize, p * q, blockSize] }),
  ]);
};
