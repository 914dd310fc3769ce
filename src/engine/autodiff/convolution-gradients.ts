/**
 * The gradients of a two-dimensional convolution, written with the operators that run fastest for
 * them: see docs/decisions on the training engine. X [N,C,H,W], W [K,C/group,r,s], Y [N,K,P,Q].
 */
import type { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';
import { im2col, isSmallPicture, swapBatchAndChannels } from '../graph/im2col.ts';
import type { ConvAttributes } from '../graph/ops.ts';
import type { Shape } from '../tensor/shape.ts';
import { groupedWeightGradient, transposeGroups } from './grouped-convolution-gradients.ts';

type Extents4 = readonly [number, number, number, number];

/** dL/dX. Stride 1 is again a convolution, twice as fast as ConvTranspose. */
export const convolutionInputGradient = (
  b: GraphBuilder,
  gradient: Value,
  weight: Value,
  inputShape: Shape,
  { strides, pads, dilations, group }: ConvAttributes,
): Value => {
  const [, , r, s] = weight.shape as Extents4;
  const kernel = [(r - 1) * dilations[0] + 1, (s - 1) * dilations[1] + 1] as const;
  const padding = pads.map((pad, side) => (kernel[side % 2] as number) - 1 - pad);
  if (strides[0] === 1 && strides[1] === 1 && padding.every((pad) => pad >= 0)) {
    const swapped =
      group === 1
        ? b.apply('Transpose', [weight], { permutation: [1, 0, 2, 3] })
        : transposeGroups(b, weight, group);
    const flipped =
      r === 1 && s === 1
        ? swapped
        : b.apply('Slice', [swapped], {
            starts: [-1, -1],
            ends: [Number.MIN_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
            axes: [2, 3],
            steps: [-1, -1],
          });
    return b.apply('Conv', [gradient, flipped], {
      strides: [1, 1],
      pads: padding as unknown as Extents4,
      dilations,
      group,
    });
  }
  const unreached = (axis: 0 | 1) =>
    (inputShape[axis + 2] as number) -
    (((gradient.shape[axis + 2] as number) - 1) * strides[axis] +
      kernel[axis] -
      pads[axis] -
      pads[(axis + 2) as 2 | 3]);
  return b.apply('ConvTranspose', [gradient, weight], {
    strides,
    pads,
    dilations,
    group,
    outputPadding: [unreached(0), unreached(1)],
  });
};

/**
 * dL/dW. A small picture's gradient shares the unrolled input of its forward product; a strided one
 * needs it too; all others shift both operands, which copies less.
 */
export const convolutionWeightGradient = (
  b: GraphBuilder,
  gradient: Value,
  input: Value,
  weightShape: Shape,
  attributes: ConvAttributes,
): Value => {
  if (attributes.group !== 1)
    return groupedWeightGradient(b, gradient, input, weightShape, attributes);
  const shifted = attributes.strides.every((stride) => stride === 1) && !isSmallPicture(gradient);
  const form = shifted ? shiftedWeightGradient : unrolledWeightGradient;
  return form(b, gradient, input, weightShape as Extents4, attributes);
};

/** dW = dY · im2col(X)ᵀ, with pictures and pixels together as the inner dimension. */
const unrolledWeightGradient = (
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
const shiftedWeightGradient = (
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
