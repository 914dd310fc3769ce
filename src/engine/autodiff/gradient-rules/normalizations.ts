/**
 * Gradients of normalizations. Layer and instance normalization share one form: with
 * r = 1/√(variance + ε), x̂ = (x − mean)·r, g = dL/dx̂ and means over the normalized axes,
 * dL/dx = r·(g − mean(g) − x̂·mean(g·x̂)) (Ba, Kiros and Hinton 2016).
 */
import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import type { NormalizationOps } from '../../graph/ops.ts';
import { batchNormalizationGradient } from '../normalization-gradients.ts';
import { at, type GradientRules, multiplyAlong, scaled } from './gradient-rule.ts';

export const normalizationGradients: GradientRules<NormalizationOps> = {
  BatchNormalization: batchNormalizationGradient,
  LayerNormalization: ({ builder: b, gradient, inputs, outputs, attributes: { axis }, wanted }) => {
    const [x, scale] = [at(inputs, 0), at(inputs, 1)];
    const axes = x.shape.map((_, i) => i).slice(axis);
    const rate = at(outputs, 2);
    const normalized = b.apply('Mul', [b.apply('Sub', [x, at(outputs, 1)]), rate]);
    return [
      wanted(0)
        ? normalizedGradient(b, b.apply('Mul', [gradient, scale]), normalized, rate, axes)
        : undefined,
      wanted(1) ? b.apply('Mul', [gradient, normalized]) : undefined,
      gradient,
    ];
  },
  InstanceNormalization: ({ builder: b, gradient, inputs, attributes: { epsilon }, wanted }) => {
    const [x, scale] = [at(inputs, 0), at(inputs, 1)];
    const axes = x.shape.map((_, i) => i).slice(2);
    const mean = (value: Value) => b.apply('ReduceMean', [value], { axes, keepDimensions: true });
    const centred = b.apply('Sub', [x, mean(x)]);
    const variance = mean(b.apply('Mul', [centred, centred]));
    const rate = b.apply('Reciprocal', [
      b.apply('Sqrt', [b.apply('Add', [variance, b.scalar(epsilon)])]),
    ]);
    const normalized = b.apply('Mul', [centred, rate]);
    const channelsFirst = [scale.shape[0] as number, ...axes.map(() => 1)];
    const perChannel = b.apply('Reshape', [scale], { shape: channelsFirst });
    const ofChannel = (value: Value) => {
      const rows = b.apply('ReduceSum', [value], { axes, keepDimensions: false });
      return b.apply('ReduceSum', [rows], { axes: [0], keepDimensions: false });
    };
    return [
      wanted(0)
        ? normalizedGradient(b, b.apply('Mul', [gradient, perChannel]), normalized, rate, axes)
        : undefined,
      wanted(1) ? ofChannel(b.apply('Mul', [gradient, normalized])) : undefined,
      wanted(2) ? ofChannel(gradient) : undefined,
    ];
  },
  // y = x·s^−β with s = bias + α/size·Σx² over neighbouring channels: the sum is a product with a
  // band of ones, and its gradient the product with the band transposed.
  LRN: ({ builder: b, gradient, inputs, outputs, attributes: { size, alpha, beta, bias } }) => {
    const [x, y] = [at(inputs, 0), at(outputs, 0)];
    const channels = x.shape[1] as number;
    const before = Math.floor((size - 1) / 2);
    const band = (isNeighbour: (from: number, to: number) => boolean) => ({
      rows: channels,
      columns: channels,
      data: Float32Array.from({ length: channels * channels }, (_, i) =>
        isNeighbour(Math.floor(i / channels), i % channels) ? 1 : 0,
      ),
    });
    const reads = (output: number, neighbour: number) =>
      neighbour >= output - before && neighbour < output - before + size;
    const squares = multiplyAlong(
      b,
      b.apply('Mul', [x, x]),
      1,
      band((from, to) => reads(to, from)),
    );
    const sum = b.apply('Add', [scaled(b, squares, alpha / size), b.scalar(bias)]);
    const direct = b.apply('Mul', [gradient, b.apply('Pow', [sum, b.scalar(-beta)])]);
    const share = b.apply('Div', [b.apply('Mul', [gradient, y]), sum]);
    const gathered = multiplyAlong(b, share, 1, band(reads));
    const indirect = b.apply('Mul', [x, scaled(b, gathered, (2 * alpha * beta) / size)]);
    return [b.apply('Sub', [direct, indirect])];
  },
};

const normalizedGradient = (
  b: GraphBuilder,
  gradient: Value,
  normalized: Value,
  rate: Value,
  axes: readonly number[],
): Value => {
  const mean = (value: Value) => b.apply('ReduceMean', [value], { axes, keepDimensions: true });
  const alongNormalized = mean(b.apply('Mul', [gradient, normalized]));
  const centred = b.apply('Sub', [gradient, mean(gradient)]);
  const fitted = b.apply('Sub', [centred, b.apply('Mul', [normalized, alongNormalized])]);
  return b.apply('Mul', [fitted, rate]);
};
