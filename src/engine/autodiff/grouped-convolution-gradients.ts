/**
 * The weight gradient of a convolution in groups, depthwise included.
 * X [N,C,H,W], W [K,C/group,r,s], Y [N,K,P,Q].
 */
import type { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';
import { swapBatchAndChannels, windowShifts } from '../graph/im2col.ts';
import type { ConvAttributes } from '../graph/ops.ts';
import type { Shape } from '../tensor/shape.ts';

type Extents4 = readonly [number, number, number, number];

/** For each group dW = dY · im2col(X)ᵀ, with pictures and pixels together as the inner dimension. */
export const groupedWeightGradient = (
  b: GraphBuilder,
  gradient: Value,
  input: Value,
  weightShape: Shape,
  attributes: ConvAttributes,
): Value => {
  const { group } = attributes;
  const [k, c, r, s] = weightShape as Extents4;
  const [n, , p, q] = gradient.shape as Extents4;
  const [, , h, w] = input.shape as Extents4;
  const grouped = b.apply('Reshape', [swapBatchAndChannels(b, input)], {
    shape: [group, c * n, h, w],
  });
  const shifts = windowShifts(b, grouped, { ...attributes, kernel: [r, s], output: [p, q] });
  const columns =
    shifts.length === 1 ? (shifts[0] as Value) : b.apply('Concat', shifts, { axis: 1 });
  const products = b.apply(
    'FusedMatMul',
    [
      b.apply('Reshape', [swapBatchAndChannels(b, gradient)], {
        shape: [group, k / group, n * p * q],
      }),
      b.apply('Reshape', [columns], { shape: [group, r * s * c, n * p * q] }),
    ],
    { transA: false, transB: true, alpha: 1 },
  );
  const positionsFirst = b.apply('Reshape', [products], { shape: [k, r, s, c] });
  return b.apply('Transpose', [positionsFirst], { permutation: [0, 3, 1, 2] });
};
