/**
 * The gradients of a two-dimensional convolution, written with the operators that run fastest for
 * them: see docs/decisions on the training engine. X [N,C,H,W], W [K,C/group,r,s], Y [N,K,P,Q].
 */
import { RelearnError } from '../../base/errors.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';
import { im2col, swapBatchAndChannels } from '../graph/im2col.ts';
import type { ConvAttributes } from '../graph/ops.ts';
import type { Shape } from '../tensor/shape.ts';

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
  if (group === 1 && strides[0] === 1 && strides[1] === 1 && padding.every((pad) => pad >= 0)) {
    const swapped = b.apply('Transpose', [weight], { permutation: [1, 0, 2, 3] });
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

/** Output pixels of a picture above which the batched form of the weight gradient is faster. */
const batchedFrom = 1024;

/**
 * dL/dW by im2col: the shifted copies of X that meet each kernel position, stacked, times dY. For
 * large pictures one product for each picture, summed; for small ones pictures and pixels together
 * are the inner dimension of a single product, so that no partial sums are written.
 */
export const convolutionWeightGradient = (
  b: GraphBuilder,
  gradient: Value,
  input: Value,
  weightShape: Shape,
  { strides, pads, dilations, group }: ConvAttributes,
): Value => {
  if (group !== 1) {
    throw new RelearnError(
      'invalid',
      'no_gradient',
      `Conv with ${group} groups has no weight gradient yet (output ${gradient.name})`,
      { hint: 'Freeze the layers up to this one, or use a network without grouped convolutions.' },
    );
  }
  const [k, c, r, s] = weightShape as Extents4;
  const [n, , p, q] = gradient.shape as Extents4;
  const batched = p * q >= batchedFrom;
  const window = { kernel: [r, s], output: [p, q], strides, pads, dilations } as const;
  const columns = batched
    ? im2col(b, input, { ...window, channelAxis: 1 })
    : im2col(b, swapBatchAndChannels(b, input), { ...window, channelAxis: 0 });
  const products = batched
    ? b.apply(
        'ReduceSum',
        [
          b.apply(
            'FusedMatMul',
            [
              b.apply('Reshape', [gradient], { shape: [n, k, p * q] }),
              b.apply('Reshape', [columns], { shape: [n, r * s * c, p * q] }),
            ],
            { transA: false, transB: true, alpha: 1 },
          ),
        ],
        { axes: [0], keepDimensions: false },
      )
    : b.apply(
        'Gemm',
        [
          b.apply('Reshape', [swapBatchAndChannels(b, gradient)], { shape: [k, n * p * q] }),
          b.apply('Reshape', [columns], { shape: [r * s * c, n * p * q] }),
        ],
        { transA: false, transB: true, alpha: 1, beta: 0 },
      ); // [K, r·s·C]
  if (r * s === 1) return b.apply('Reshape', [products], { shape: weightShape });
  const unstacked = b.apply('Reshape', [products], { shape: [k, r, s, c] });
  return b.apply('Transpose', [unstacked], { permutation: [0, 3, 1, 2] });
};
