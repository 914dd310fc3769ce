/**
 * Batch normalization in blocked layout: statistics from two global pools, variance as E[x²] − E[x]²,
 * and the rest as one scale and shift. Three fast passes instead of ONNX Runtime's kernel, which
 * knows plain layout only.
 */
import type { Node, Value } from '../graph.ts';
import { blockedScaleShift } from './blocked-scale-shift.ts';
import { blocked, type Layout, type Made } from './layout.ts';

export const blockedBatchNormalization = (
  { inputs, attributes: { epsilon, training } }: Node<'BatchNormalization'>,
  layout: Layout,
): readonly Made[] => {
  const { builder: b } = layout;
  const x = layout.blocked(inputs[0] as Value);
  const [scale, bias, givenMean, givenVariance] = inputs.slice(1).map(layout.plain) as [
    Value,
    Value,
    Value,
    Value,
  ];
  const [n, channels] = x.shape as [number, number];
  const meanOf = (value: Value) =>
    b.apply(
      'ReduceMean',
      [
        b.apply('Reshape', [b.apply('BlockedGlobalAveragePool', [value])], {
          shape: [n, channels],
        }),
      ],
      { axes: [0], keepDimensions: false },
    );
  const square = (value: Value) => b.apply('Mul', [value, value]);
  const mean = training ? meanOf(x) : givenMean;
  // Rounding must not make the variance of a constant channel negative.
  const variance = training
    ? b.apply('Relu', [b.apply('Sub', [meanOf(square(x)), square(mean)])])
    : givenVariance;
  const rate = b.apply('Reciprocal', [
    b.apply('Sqrt', [b.apply('Add', [variance, b.scalar(epsilon)])]),
  ]);
  const factor = b.apply('Mul', [scale, rate]);
  const shift = b.apply('Sub', [bias, b.apply('Mul', [mean, factor])]);
  const y = blocked(blockedScaleShift(layout, x, factor, shift));
  return training
    ? [...y, { value: mean, isBlocked: false }, { value: variance, isBlocked: false }]
    : y;
};
