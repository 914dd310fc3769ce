/** Functions of angles, circular and hyperbolic, each so that no close numbers are subtracted. */
import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import { unary } from './lowering.ts';

const half = (b: GraphBuilder, x: Value): Value => b.apply('Mul', [x, b.scalar(0.5)]);
const above = (b: GraphBuilder, x: Value): Value => b.apply('Add', [x, b.scalar(1)]);
const below = (b: GraphBuilder, x: Value): Value => b.apply('Sub', [b.scalar(1), x]);

/** (eˣ + e⁻ˣ)/2 */
const cosh = (b: GraphBuilder, x: Value): Value =>
  half(b, b.apply('Add', [b.apply('Exp', [x]), b.apply('Exp', [b.apply('Neg', [x])])]));

export const angleLowerings = {
  Tan: unary((b, x) => b.apply('Div', [b.apply('Sin', [x]), b.apply('Cos', [x])])),
  /** atan(x/√((1 − x)(1 + x))) */
  Asin: unary((b, x) => {
    const cosine = b.apply('Sqrt', [b.apply('Mul', [below(b, x), above(b, x)])]);
    return b.apply('Atan', [b.apply('Div', [x, cosine])]);
  }),
  /** 2·atan(√((1 − x)/(1 + x))) */
  Acos: unary((b, x) => {
    const tangent = b.apply('Sqrt', [b.apply('Div', [below(b, x), above(b, x)])]);
    return b.apply('Mul', [b.apply('Atan', [tangent]), b.scalar(2)]);
  }),
  Sinh: unary((b, x) => b.apply('Mul', [b.apply('Tanh', [x]), cosh(b, x)])),
  Cosh: unary((b, x) => cosh(b, x)),
  /** asinh(√((x − 1)(x + 1))) */
  Acosh: unary((b, x) => {
    const square = b.apply('Mul', [b.apply('Sub', [x, b.scalar(1)]), above(b, x)]);
    return b.apply('Asinh', [b.apply('Sqrt', [square])]);
  }),
  /** asinh(x/√((1 − x)(1 + x))) */
  Atanh: unary((b, x) => {
    const root = b.apply('Sqrt', [b.apply('Mul', [below(b, x), above(b, x)])]);
    return b.apply('Asinh', [b.apply('Div', [x, root])]);
  }),
};
