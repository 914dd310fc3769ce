/**
 * The weight gradient of a convolution of few channels, such as a network's first: the windows of X
 * unrolled into rows [N, C·r·s, P·Q], times the blocks of dY [N, K/b, P·Q, b] as they lie, so that
 * the largest tensor of a network is read once and rearranged never. The unrolling is a convolution
 * whose kernels hold a single one each.
 */
import { float32 } from '../../tensor/tensor.ts';
import type { Node, Value } from '../graph.ts';
import type { Layout } from './layout.ts';

type Extents4 = readonly [number, number, number, number];

/** Rows up to which the unrolled windows are no larger than dY of usual layers. */
const mostRows = 32;

/** Whether the form fits; it takes any number of pictures, the other blocked form whole blocks. */
export const isOfFewChannels = ({
  inputs,
  attributes: { kernel },
}: Node<'ConvWeightGradient'>): boolean => {
  const positions = kernel[0] * kernel[1];
  return positions > 1 && ((inputs[1] as Value).shape[1] as number) * positions <= mostRows;
};

/** @returns [K,C,r,s] in plain layout; K must be whole blocks */
export const unrolledWeightProduct = (
  { inputs, attributes: { kernel, ...window } }: Node<'ConvWeightGradient'>,
  layout: Layout,
): Value => {
  const { builder: b, blockSize } = layout;
  const [gradient, x] = inputs as [Value, Value];
  const c = x.shape[1] as number;
  const [n, k, p, q] = gradient.shape as Extents4;
  const rows = c * kernel[0] * kernel[1];

  const ones = new Float32Array(rows * rows);
  for (let row = 0; row < rows; row++) ones[row * rows + row] = 1;
  const unit = b.constant(float32([rows, c, ...kernel], ones), 'unit_kernels');
  const windows = b.apply('Conv', [layout.plain(x), unit], window);

  const products = b.apply('MatMul', [
    b.apply('Reshape', [windows], { shape: [n, 1, rows, p * q] }),
    b.apply('Reshape', [layout.blocked(gradient)], {
      shape: [n, k / blockSize, p * q, blockSize],
    }),
  ]);
  const sum = b.apply('ReduceSum', [products], { axes: [0], keepDimensions: false });
  const filtersFirst = b.apply('Transpose', [sum], { permutation: [0, 2, 1] });
  return b.apply('Reshape', [filtersFirst], { shape: [k, c, ...kernel] });
};
