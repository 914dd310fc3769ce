/** Activations written with others, each by its published formula. */
import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import { unary } from './lowering.ts';

const scale = (b: GraphBuilder, x: Value, factor: number): Value =>
  b.apply('Mul', [x, b.scalar(factor)]);

const onePlus = (b: GraphBuilder, x: Value): Value => b.apply('Add', [x, b.scalar(1)]);

export interface GeluAttributes {
  readonly approximate: 'none' | 'tanh';
}

export const activationLowerings = {
  /** x·sigmoid(alpha·x): alpha 1 is Silu, also called Swish; alpha 1.702 is com.microsoft's QuickGelu. */
  Silu: unary<{ readonly alpha: number }>((b, x, { alpha }) =>
    b.apply('Mul', [x, b.apply('Sigmoid', [alpha === 1 ? x : scale(b, x, alpha)])]),
  ),
  HardSwish: unary((b, x) =>
    b.apply('Mul', [x, b.apply('HardSigmoid', [x], { alpha: 1 / 6, beta: 0.5 })]),
  ),
  Mish: unary((b, x) => b.apply('Mul', [x, b.apply('Tanh', [b.apply('Softplus', [x])])])),
  /** x·Φ(x), with Φ by erf or by Hendrycks and Gimpel's tanh. */
  Gelu: unary<GeluAttributes>((b, x, { approximate }) => {
    const spread =
      approximate === 'none'
        ? b.apply('Erf', [scale(b, x, Math.SQRT1_2)])
        : b.apply('Tanh', [
            scale(
              b,
              b.apply('Add', [x, scale(b, b.apply('Mul', [b.apply('Mul', [x, x]), x]), 0.044715)]),
              Math.sqrt(2 / Math.PI),
            ),
          ]);
    return scale(b, b.apply('Mul', [x, onePlus(b, spread)]), 0.5);
  }),
  Selu: unary<{ readonly alpha: number; readonly gamma: number }>((b, x, { alpha, gamma }) =>
    scale(b, b.apply('Elu', [x], { alpha }), gamma),
  ),
  /** max(0, x) + min(0, alpha·(exp(x/alpha) − 1)) */
  Celu: unary<{ readonly alpha: number }>((b, x, { alpha }) =>
    scale(b, b.apply('Elu', [scale(b, x, 1 / alpha)], { alpha: 1 }), alpha),
  ),
  /** Nothing up to lambda on either side, what lies beyond moved towards zero by bias. */
  Shrink: unary<{ readonly lambda: number; readonly bias: number }>((b, x, { lambda, bias }) => {
    const beyond = (passes: Value, moved: Value, otherwise: Value) =>
      b.apply('Where', [passes, moved, otherwise]);
    const below = b.apply('Greater', [b.scalar(-lambda), x]);
    const above = b.apply('Greater', [x, b.scalar(lambda)]);
    const risen = beyond(below, b.apply('Add', [x, b.scalar(bias)]), b.scalar(0));
    return beyond(above, b.apply('Sub', [x, b.scalar(bias)]), risen);
  }),
  Softsign: unary((b, x) => b.apply('Div', [x, onePlus(b, b.apply('Abs', [x]))])),
};
