/** Gradients of arithmetic, element by element. */
import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import type { ArithmeticOps } from '../../graph/ops.ts';
import {
  at,
  type GradientRule,
  type GradientRules,
  masked,
  notDifferentiable,
  scaled,
  unary,
} from './gradient-rule.ts';

/** The gradient goes to the operand that won, to the first among equals. */
const extremum =
  (op: 'Min' | 'Max'): GradientRule<'Min' | 'Max'> =>
  ({ builder: b, gradient, inputs, wanted }) => {
    const [first, second] = [at(inputs, 0), at(inputs, 1)];
    const secondWins = b.apply('Greater', op === 'Max' ? [second, first] : [first, second]);
    const ofSecond = masked(b, secondWins, gradient);
    return [wanted(0) ? b.apply('Sub', [gradient, ofSecond]) : undefined, ofSecond];
  };

const onePlusSquare = (b: GraphBuilder, x: Value): Value =>
  b.apply('Add', [b.apply('Mul', [x, x]), b.scalar(1)]);

export const arithmeticGradients: GradientRules<ArithmeticOps> = {
  Add: ({ gradient }) => [gradient, gradient],
  Sub: ({ builder: b, gradient, wanted }) => [
    gradient,
    wanted(1) ? b.apply('Neg', [gradient]) : undefined,
  ],
  Mul: ({ builder: b, gradient, inputs, wanted }) => [
    wanted(0) ? b.apply('Mul', [gradient, at(inputs, 1)]) : undefined,
    wanted(1) ? b.apply('Mul', [gradient, at(inputs, 0)]) : undefined,
  ],
  Div: ({ builder: b, gradient, inputs, outputs, wanted }) => {
    const overDivisor = b.apply('Div', [gradient, at(inputs, 1)]);
    return [
      overDivisor,
      wanted(1) ? b.apply('Neg', [b.apply('Mul', [overDivisor, at(outputs, 0)])]) : undefined,
    ];
  },
  // x^p: p·x^(p−1) and x^p·log(x), the second for positive x only.
  Pow: ({ builder: b, gradient, inputs, outputs, wanted }) => {
    const [x, power] = [at(inputs, 0), at(inputs, 1)];
    const slope = () =>
      b.apply('Mul', [power, b.apply('Pow', [x, b.apply('Sub', [power, b.scalar(1)])])]);
    const growth = () => b.apply('Mul', [at(outputs, 0), b.apply('Log', [x])]);
    return [
      wanted(0) ? b.apply('Mul', [gradient, slope()]) : undefined,
      wanted(1) ? b.apply('Mul', [gradient, growth()]) : undefined,
    ];
  },
  // Between its steps it is x − y·k, with k whole.
  Mod: ({ builder: b, gradient, inputs, outputs, wanted }) => {
    const [x, y] = [at(inputs, 0), at(inputs, 1)];
    const times = () => b.apply('Div', [b.apply('Sub', [x, at(outputs, 0)]), y]);
    const whole = () => b.apply('Round', [times()]);
    return [
      gradient,
      wanted(1) ? b.apply('Neg', [b.apply('Mul', [gradient, whole()])]) : undefined,
    ];
  },
  Min: extremum('Min'),
  Max: extremum('Max'),
  Neg: unary((b, g) => b.apply('Neg', [g])),
  Abs: unary((b, g, x) => b.apply('Mul', [g, b.apply('Sign', [x])])),
  Sign: notDifferentiable,
  Floor: notDifferentiable,
  Ceil: notDifferentiable,
  Round: notDifferentiable,
  Sin: unary((b, g, x) => b.apply('Mul', [g, b.apply('Cos', [x])])),
  Cos: unary((b, g, x) => b.apply('Neg', [b.apply('Mul', [g, b.apply('Sin', [x])])])),
  // 1/(1 + x²)
  Atan: unary((b, g, x) => b.apply('Div', [g, onePlusSquare(b, x)])),
  // 1/√(1 + x²)
  Asinh: unary((b, g, x) => b.apply('Div', [g, b.apply('Sqrt', [onePlusSquare(b, x)])])),
  Exp: unary((b, g, _, y) => b.apply('Mul', [g, y])),
  Log: unary((b, g, x) => b.apply('Div', [g, x])),
  // Nothing bounds the slope at zero. A norm or deviation of equal numbers comes there, whose own
  // slopes are zero then: with a large one their product is zero, with an infinite one no number.
  Sqrt: unary((b, g, _, y) => {
    const bounded = b.apply('Max', [y, b.scalar(1e-15)]);
    return b.apply('Div', [b.apply('Mul', [g, b.scalar(0.5)]), bounded]);
  }),
  Reciprocal: unary((b, g, _, y) => b.apply('Neg', [b.apply('Mul', [g, b.apply('Mul', [y, y])])])),
  // 2/√π · exp(−x²)
  Erf: unary((b, g, x) => {
    const bell = b.apply('Exp', [b.apply('Neg', [b.apply('Mul', [x, x])])]);
    return b.apply('Mul', [g, scaled(b, bell, 2 / Math.sqrt(Math.PI))]);
  }),
  Greater: notDifferentiable,
  Equal: notDifferentiable,
  Where: ({ builder: b, gradient, inputs, wanted }) => [
    undefined,
    wanted(1) ? b.apply('Where', [at(inputs, 0), gradient, b.scalar(0)]) : undefined,
    wanted(2) ? b.apply('Where', [at(inputs, 0), b.scalar(0), gradient]) : undefined,
  ],
  Cast: ({ builder: b, gradient, inputs }) => {
    const { dtype } = at(inputs, 0);
    return [dtype === 'float32' ? b.apply('Cast', [gradient], { to: dtype }) : undefined];
  },
};
