/**
 * The gradient of batch normalization (Ioffe and Szegedy 2015), for batch statistics and for fixed
 * ones. With M = N·H·W, r = 1/√(variance + ε), x̂ = (x − mean)·r and g = dL/dy:
 * dL/dx = scale·r·(g − Σg/M − x̂·Σ(g·x̂)/M), which is affine in g and x with one factor for each
 * channel.
 */
import type { Value } from '../graph/graph.ts';
import { sumOfChannels } from '../graph/sum-of-channels.ts';
import type { GradientContext } from './gradient-rules/gradient-rule.ts';

export const batchNormalizationGradient = ({
  builder: b,
  gradient,
  inputs,
  outputs,
  attributes: { epsilon, training },
  wanted,
}: GradientContext<'BatchNormalization'>): readonly (Value | undefined)[] => {
  const [x, scale] = inputs as [Value, Value];
  const [mean, variance] = (training ? outputs.slice(1, 3) : inputs.slice(3, 5)) as [Value, Value];
  const [n, , h, w] = x.shape as [number, number, number, number];
  const rate = b.apply('Reciprocal', [
    b.apply('Sqrt', [b.apply('Add', [variance, b.scalar(epsilon)])]),
  ]);
  const sum = (value: Value) => sumOfChannels(b, value);

  const sumGradient = sum(gradient); // dL/dbias
  const sumProduct = sum(b.apply('Mul', [gradient, x]));
  const centred = b.apply('Sub', [sumProduct, b.apply('Mul', [mean, sumGradient])]);
  const scaleGradient = b.apply('Mul', [centred, rate]);
  const factor = b.apply('Mul', [scale, rate]);
  if (!training) {
    const dx = wanted(0) ? b.apply('ScaleShift', [gradient, factor]) : undefined;
    return [dx, scaleGradient, sumGradient];
  }
  if (!wanted(0)) return [undefined, scaleGradient, sumGradient];
  const count = b.scalar(n * h * w);
  // factor·g − factor·(a·x + c) with a = r·dscale/M and c = Σg/M − a·mean
  const slope = b.apply('Div', [b.apply('Mul', [rate, scaleGradient]), count]);
  const offset = b.apply('Sub', [
    b.apply('Div', [sumGradient, count]),
    b.apply('Mul', [slope, mean]),
  ]);
  const negative = b.apply('Neg', [factor]);
  const line = b.apply('ScaleShift', [
    x,
    b.apply('Mul', [negative, slope]),
    b.apply('Mul', [negative, offset]),
  ]);
  const dx = b.apply('Add', [b.apply('ScaleShift', [gradient, factor]), line]);
  return [dx, scaleGradient, sumGradient];
};
