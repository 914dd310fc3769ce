/** Gradients of convolutions and pools. */
import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import type { OpAttributes, WindowOps } from '../../graph/ops.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { float32, tensor } from '../../tensor/tensor.ts';
import { convolutionInputGradient, convolutionWeightGradient } from '../convolution-gradients.ts';
import { gridSampleGradient } from '../grid-sample-gradient.ts';
import { addAtIndices } from './add-at-indices.ts';
import { at, type GradientRules, notDifferentiable } from './gradient-rule.ts';

type Extents4 = readonly [number, number, number, number];

export const windowGradients: GradientRules<WindowOps> = {
  Conv: ({ builder: b, gradient, inputs, attributes, wanted }) => [
    wanted(0)
      ? convolutionInputGradient(b, gradient, at(inputs, 1), at(inputs, 0).shape, attributes)
      : undefined,
    wanted(1)
      ? convolutionWeightGradient(b, gradient, at(inputs, 0), at(inputs, 1).shape, attributes)
      : undefined,
    inputs.length > 2 && wanted(2) ? sumOfChannel(b, gradient) : undefined,
  ],
  // ConvTranspose is the input gradient of a Conv, so its own gradients are that Conv's other parts.
  ConvTranspose: ({ builder: b, gradient, inputs, attributes, wanted }) => {
    const { strides, pads, dilations, group } = attributes;
    const convolution = { strides, pads, dilations, group };
    const [x, weight] = [at(inputs, 0), at(inputs, 1)];
    return [
      wanted(0) ? b.apply('Conv', [gradient, weight], convolution) : undefined,
      wanted(1) ? convolutionWeightGradient(b, x, gradient, weight.shape, convolution) : undefined,
      inputs.length > 2 && wanted(2) ? sumOfChannel(b, gradient) : undefined,
    ];
  },
  // Windows that do not overlap have a winner each; where they do, one input may win several times.
  MaxPool: ({ builder: b, gradient, inputs, outputs, attributes }) => {
    const [x, y, indices] = [at(inputs, 0), at(outputs, 0), at(outputs, 1)];
    const { kernel, strides, dilations } = attributes;
    const overlap = kernel.some(
      (size, axis) => (size - 1) * (dilations[axis] as number) >= (strides[axis] as number),
    );
    return [
      overlap
        ? addAtIndices(b, gradient, indices, x.shape)
        : b.apply('MaxPoolGradient', [gradient, x, y], attributes),
    ];
  },
  MaxUnpool: notDifferentiable,
  ScatterElements: notDifferentiable,
  // Every input of a window gets an equal share: a depthwise transposed convolution with ones.
  AveragePool: ({ builder: b, gradient, inputs, attributes }) => {
    const { kernel, strides, pads } = attributes;
    const [, channels, h, w] = at(inputs, 0).shape as Extents4;
    const [, , p, q] = gradient.shape as Extents4;
    const ones = float32(
      [channels, 1, ...kernel],
      new Float32Array(channels * sizeOf(kernel)).fill(1),
    );
    const shares = averageShares([h, w], [p, q], attributes);
    const padding = (extent: number, output: number, axis: 0 | 1) =>
      extent -
      ((output - 1) * strides[axis] + kernel[axis] - pads[axis] - pads[(axis + 2) as 2 | 3]);
    return [
      b.apply(
        'ConvTranspose',
        [b.apply('Mul', [gradient, b.constant(shares, 'shares')]), b.constant(ones, 'ones')],
        {
          strides,
          pads,
          dilations: [1, 1],
          group: channels,
          outputPadding: [padding(h, p, 0), padding(w, q, 1)],
        },
      ),
    ];
  },
  GridSample: gridSampleGradient,
};

/** One over the number of inputs that each window averages: [P,Q], or a scalar where all agree. */
const averageShares = (
  extents: readonly [number, number],
  outputs: readonly [number, number],
  { kernel, strides, pads, countIncludePad }: OpAttributes['AveragePool'],
) => {
  if (countIncludePad || pads.every((pad) => pad === 0)) return float32([], [1 / sizeOf(kernel)]);
  const counts = ([0, 1] as const).map((axis) =>
    Array.from({ length: outputs[axis] }, (_, place) => {
      const start = place * strides[axis] - pads[axis];
      return Math.min(start + kernel[axis], extents[axis]) - Math.max(start, 0);
    }),
  ) as [number[], number[]];
  const data = counts[0].flatMap((rows) => counts[1].map((columns) => 1 / (rows * columns)));
  return tensor('float32', outputs, Float32Array.from(data));
};

/** The gradient of a bias: [N,K,H,W] → [K]. Summing rows first is several times faster. */
const sumOfChannel = (b: GraphBuilder, gradient: Value): Value => {
  const rows = b.apply('ReduceSum', [gradient], { axes: [2, 3], keepDimensions: false });
  return b.apply('ReduceSum', [rows], { axes: [0], keepDimensions: false });
};
