/** Shapes of arithmetic and activations: the operands' common shape. */
import { broadcastShapes, sameShape } from '../../tensor/shape.ts';
import type { Dtype } from '../../tensor/tensor.ts';
import type { ActivationOps, ArithmeticOps, OpType } from '../ops.ts';
import {
  axisOf,
  input,
  likeFirst,
  mismatch,
  type ShapeRule,
  type ShapeRules,
} from './shape-rule.ts';

const broadcast =
  (dtype?: Dtype): ShapeRule<OpType> =>
  (inputs) => {
    const [a, b] = [input(inputs, 0), input(inputs, 1)];
    if (a.dtype !== b.dtype) throw mismatch(`${a.name} is ${a.dtype}, ${b.name} is ${b.dtype}`);
    return [{ dtype: dtype ?? a.dtype, shape: broadcastShapes(a.shape, b.shape) }];
  };

const alongAxis: ShapeRule<'Softmax' | 'LogSoftmax'> = (inputs, { axis }) => {
  const x = input(inputs, 0);
  axisOf(x, axis);
  return [x];
};

export const arithmeticShapes: ShapeRules<ArithmeticOps> = {
  Add: broadcast(),
  Sub: broadcast(),
  Mul: broadcast(),
  Div: broadcast(),
  Pow: broadcast(),
  Mod: broadcast(),
  Min: broadcast(),
  Max: broadcast(),
  Neg: likeFirst,
  Abs: likeFirst,
  Sign: likeFirst,
  Floor: likeFirst,
  Ceil: likeFirst,
  Round: likeFirst,
  Sin: likeFirst,
  Cos: likeFirst,
  Atan: likeFirst,
  Asinh: likeFirst,
  Exp: likeFirst,
  Log: likeFirst,
  Sqrt: likeFirst,
  Reciprocal: likeFirst,
  Erf: likeFirst,
  Greater: broadcast('bool'),
  Equal: broadcast('bool'),
  Where: (inputs) => {
    const [condition, yes, no] = [input(inputs, 0), input(inputs, 1), input(inputs, 2)];
    const branches = broadcastShapes(yes.shape, no.shape);
    return [{ dtype: yes.dtype, shape: broadcastShapes(condition.shape, branches) }];
  },
  Cast: (inputs, { to }) => [{ dtype: to, shape: input(inputs, 0).shape }],
};

export const activationShapes: ShapeRules<ActivationOps> = {
  Relu: likeFirst,
  LeakyRelu: likeFirst,
  PRelu: (inputs) => {
    const [x, slope] = [input(inputs, 0), input(inputs, 1)];
    if (!sameShape(broadcastShapes(x.shape, slope.shape), x.shape))
      throw mismatch(`a slope of [${slope.shape}] does not broadcast to [${x.shape}]`);
    return [x];
  },
  Elu: likeFirst,
  Clip: likeFirst,
  Sigmoid: likeFirst,
  HardSigmoid: likeFirst,
  Tanh: likeFirst,
  Softplus: likeFirst,
  Softmax: alongAxis,
  LogSoftmax: alongAxis,
};
