/**
 * The gradients of a two-dimensional convolution, written with the operators that run fastest for
 * them: see docs/decisions on the training engine. X [N,C,H,W], W [K,C/group,r,s], Y [N,K,P,Q].
 */
import type { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';
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
    const flipped =
      group === 1
        ? b.apply('FlipKernel', [weight])
        : b.apply('Slice', [transposeGroups(b, weight, group)], {
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

/** dL/dW; the form is chosen later, by shape and layout. */
export const convolutionWeightGradient = (
  b: GraphBuilder,
  gradient: Value,
  input: Value,
  weightShape: Shape,
  attributes: ConvAttributes,
): Value => {
  if (attributes.group !== 1)
    return groupedWeightGradient(b, gradient, input, weightShape, attributes);
  const [, , r, s] = weightShape as Extents4;
  return b.apply('ConvWeightGradient', [gradient, input], { ...attributes, kernel: [r, s] });
};
