/** Gradients of activations. */
import type { ActivationOps } from '../../graph/ops.ts';
import { isPositive } from '../../graph/steps.ts';
import { at, type GradientRules, masked, scaled, unary } from './gradient-rule.ts';

export const activationGradients: GradientRules<ActivationOps> = {
  // The steepest HardSigmoid is 1 above zero and 0 elsewhere: one pass instead of a comparison and a
  // choice, which ONNX Runtime runs five times slower.
  Relu: unary((b, g, _, y) => b.apply('Mul', [g, isPositive(b, y)])),
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
  Clip: unary((b, g, x, y) => masked(b, b.apply('Equal', [x, y]), g)),
  Sigmoid: unary((b, g, _, y) => b.apply('Mul', [g, b.apply('Sub', [y, b.apply('Mul', [y, y])])])),
  HardSigmoid: ({ builder: b, gradient, inputs, attributes: { alpha, beta } }) => {
    const x = at(inputs, 0);
    const slope = b.apply('Clip', [x], { min: -beta / alpha, max: (1 - beta) / alpha });
    return [scaled(b, masked(b, b.apply('Equal', [x, slope]), gradient), alpha)];
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
