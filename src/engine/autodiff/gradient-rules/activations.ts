/** Gradients of activations. At a kink the gradient is that of the flat or lower side. */
import type { ActivationOps } from '../../graph/ops.ts';
import { at, type GradientRules, scaled, unary, where } from './gradient-rule.ts';

export const activationGradients: GradientRules<ActivationOps> = {
  Relu: unary((b, g, _, y) => where(b, b.apply('Greater', [y, b.scalar(0)]), g)),
  LeakyRelu: ({ builder: b, gradient, inputs, attributes: { alpha } }) => {
    const positive = b.apply('Greater', [at(inputs, 0), b.scalar(0)]);
    return [b.apply('Where', [positive, gradient, scaled(b, gradient, alpha)])];
  },
  PRelu: ({ builder: b, gradient, inputs, wanted }) => {
    const [x, slope] = [at(inputs, 0), at(inputs, 1)];
    const positive = b.apply('Greater', [x, b.scalar(0)]);
    const below = (value: typeof x) => b.apply('Mul', [gradient, value]);
    return [
      wanted(0) ? b.apply('Where', [positive, gradient, below(slope)]) : undefined,
      wanted(1) ? b.apply('Where', [positive, b.scalar(0), below(x)]) : undefined,
    ];
  },
  // Below zero y = α·(exp(x) − 1), whose slope is y + α.
  Elu: ({ builder: b, gradient, inputs, outputs, attributes: { alpha } }) => {
    const slope = b.apply('Add', [at(outputs, 0), b.scalar(alpha)]);
    const positive = b.apply('Greater', [at(inputs, 0), b.scalar(0)]);
    return [b.apply('Where', [positive, gradient, b.apply('Mul', [gradient, slope])])];
  },
  Clip: ({ builder: b, gradient, outputs, attributes: { min, max } }) => {
    const y = at(outputs, 0);
    const above =
      min === undefined ? gradient : where(b, b.apply('Greater', [y, b.scalar(min)]), gradient);
    return [max === undefined ? above : where(b, b.apply('Greater', [b.scalar(max), y]), above)];
  },
  Sigmoid: unary((b, g, _, y) => b.apply('Mul', [g, b.apply('Sub', [y, b.apply('Mul', [y, y])])])),
  // y·(1 − y) is positive on the slope and zero on both flat sides.
  HardSigmoid: ({ builder: b, gradient, outputs, attributes: { alpha } }) => {
    const y = at(outputs, 0);
    const onSlope = b.apply('Sign', [b.apply('Sub', [y, b.apply('Mul', [y, y])])]);
    return [b.apply('Mul', [gradient, scaled(b, onSlope, alpha)])];
  },
  Tanh: unary((b, g, _, y) => b.apply('Sub', [g, b.apply('Mul', [b.apply('Mul', [g, y]), y])])),
  Softplus: unary((b, g, x) => b.apply('Mul', [g, b.apply('Sigmoid', [x])])),
  Softmax: ({ builder: b, gradient, outputs, attributes: { axis } }) => {
    const y = at(outputs, 0);
    const weighted = b.apply('Mul', [gradient, y]);
    const sum = b.apply('ReduceSum', [weighted], { axes: [axis], keepDimensions: true });
    return [b.apply('Sub', [weighted, b.apply('Mul', [y, sum])])];
  },
  LogSoftmax: ({ builder: b, gradient, outputs, attributes: { axis } }) => {
    const sum = b.apply('ReduceSum', [gradient], { axes: [axis], keepDimensions: true });
    const share = b.apply('Mul', [b.apply('Exp', [at(outputs, 0)]), sum]);
    return [b.apply('Sub', [gradient, share])];
  },
};
