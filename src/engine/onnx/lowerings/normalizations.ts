/** Normalizations without a kernel of their own in ops.ts. */
import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import { type Lowering, unary } from './lowering.ts';

const meanSquare = (b: GraphBuilder, x: Value, axes: readonly number[]): Value =>
  b.apply('ReduceMean', [b.apply('Mul', [x, x])], { axes, keepDimensions: true });

export const normalizationLowerings = {
  /** (x − mean)/(deviation + 10⁻⁹), the number being ONNX's own. */
  MeanVarianceNormalization: unary<{ readonly axes: readonly number[] }>((b, x, { axes }) => {
    const mean = b.apply('ReduceMean', [x], { axes, keepDimensions: true });
    const centred = b.apply('Sub', [x, mean]);
    const deviation = b.apply('Sqrt', [meanSquare(b, centred, axes)]);
    return b.apply('Div', [centred, b.apply('Add', [deviation, b.scalar(1e-9)])]);
  }),
  /** x over the root of its mean square, along `axis` and all after it, and scaled (Zhang 2019). */
  RMSNormalization: ((b, inputs, { axis, epsilon }) => {
    const [x, scale] = inputs as [Value, Value];
    const axes = x.shape.map((_, i) => i).slice(axis);
    const square = b.apply('Add', [meanSquare(b, x, axes), b.scalar(epsilon)]);
    const normalized = b.apply('Div', [x, b.apply('Sqrt', [square])]);
    return [b.apply('Mul', [normalized, scale])];
  }) as Lowering<{ readonly axis: number; readonly epsilon: number }>,
  /**
   * X [N,C,…] and scale, bias, mean and variance [C] or scalars, the last two computed from the
   * picture: the core operator's gradient takes them for fixed.
   */
  BatchNormalization: ((b, inputs, { epsilon }) => {
    const x = inputs[0] as Value;
    const channels = [x.shape[1] as number, ...x.shape.slice(2).map(() => 1)];
    const [scale, bias, mean, variance] = inputs
      .slice(1)
      .map((value) =>
        value.shape.length === 0 ? value : b.apply('Reshape', [value], { shape: channels }),
      ) as [Value, Value, Value, Value];
    const deviation = b.apply('Sqrt', [b.apply('Add', [variance, b.scalar(epsilon)])]);
    const factor = b.apply('Div', [scale, deviation]);
    const scaled = b.apply('Mul', [b.apply('Sub', [x, mean]), factor]);
    return [b.apply('Add', [scaled, bias])];
  }) as Lowering<{ readonly epsilon: number }>,
};
