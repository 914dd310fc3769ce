/**
 * The weight gradient of a convolution in plain layout, in two forms: see docs/decisions on the
 * speed of training. X [N,C,H,W], W [K,C,r,s], Y [N,K,P,Q].
 */
import type { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';
import type { ConvAttributes } from '../graph/ops.ts';
import { im2col, swapBatchAndChannels } from './im2col.ts';

type Extents4 = readonly [number, number, number, number];

/** dW = dY · im2col(X)ᵀ, with pictures and pixels together as the inner dimension. */
export const unrolledWeightGradient = (
  b: GraphBuilder,
  gradient: Value,
  input: Value,
  weightShape: Extents4,
  attributes: ConvAttributes,
): Value => {
  const [k, c, r, s] = weightShape;
  const [n, , p, q] = gradient.shape as Extents4;
  const columns = im2col(b, swapBatchAndChannels(b, input), {
    ...attributes,
    kernel: [r, s],
    output: [p, q],
  });
  const product = b.apply(
    'Gemm',
    [
      b.apply('Reshape', [swapBatchAndChannels(b, gradient)], { shape: [k, n * p * q] }),
      b.apply('Reshape', [columns], { shape: [r * s * c, n * p * q] }),
    ],
    { transA: false, transB: true, alpha: 1, beta: 0 },
  );
  const positionsFirst = b.apply('Reshape', [product], { shape: [k, r, s, c] });
  return b.apply('Transpose', [positionsFirst], { permutation: [0, 3, 1, 2] });
};

/**
 * dW[k,c,i,j] = Σ dY[k, t−i, u] · X[c, t, u+j]: the kernel's rows shift dY, its columns shift X, so
 * r + s shifted copies give all r·s positions in one product of [r·K, H·Q] and [H·Q, s·C] for each
 * picture. (im2col needs r·s copies.)
 */
export const shiftedWeightGradient = (
  b: GraphBuilder,
  gradient: Value,
  input: Value,
  weightShape: Extents4,
  { pads, dilations }: ConvAttributes,
): Value => {
  const [k, c, r, s] = weightShape;
  const [n, , h] = input.shape as Extents4;
  const q = gradient.shape[3] as number;
  const shift = (value: Value, axis: 2 | 3, before: number, extent: number): Value => {
    const amounts = [0, 0, 0, 0, 0, 0, 0, 0];
    amounts[axis] = before;
    amounts[axis + 4] = extent - (value.shape[axis] as number) - before;
    // Negative amounts cut.
    return amounts.every((amount) => amount === 0)
      ? value
      : b.apply('Pad', [value], { pads: amounts });
  };
  const stack = (values: readonly Value[]) =>
    values.length === 1 ? (values[0] as Value) : b.apply('Concat', values, { axis: 1 });
  const rows = stack(
    Array.from({ length: r }, (_, i) => shift(gradient, 2, i * dilations[0] - pads[0], h)),
  ); // [N, r·K, H, Q]
  const columns = stack(
    Array.from({ length: s }, (_, j) => shift(input, 3, pads[1] - j * dilations[1], q)),
  ); // [N, s·C, H, Q]
  const products = b.apply(
    'FusedMatMul',
    [
      b.apply('Reshape', [rows], { shape: [n, r * k, h * q] }),
      b.apply('Reshape', [columns], { shape: [n, s * c, h * q] }),
    ],
    { transA: false, transB: true, alpha: 1 },
  );
  const sum = b.apply('ReduceSum', [products], { axes: [0], keepDimensions: false });
  const positions = b.apply('Reshape', [sum], { shape: [r, k, s, c] });
  return b.apply('Transpose', [positions], { permutation: [1, 3, 0, 2] });
};
