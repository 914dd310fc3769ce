/** Import rules for operators that work element by element. */
import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import type { OpAttributes, OpType } from '../../graph/ops.ts';
import type { Literal } from '../literal.ts';
import { dtypeOfKind, kindOfDataType } from '../literal.ts';
import { lowerings } from '../lowerings.ts';
import { floatAttribute, intAttribute, textAttribute } from '../onnx-node.ts';
import { type ImportCall, type ImportRule, unsupported } from './import-rule.ts';

/** Operators without attributes. */
type PlainOp = {
  [Op in OpType]: Record<string, never> extends OpAttributes[Op] ? Op : never;
}[OpType];

/** All operands in order, under the same name or another. */
const plain =
  (op: PlainOp): ImportRule =>
  ({ builder, node, value }) => [
    builder.node(
      op,
      node.inputs.map((_, index) => value(index)),
      {},
    )[0] as Value,
  ];

/** Any number of operands. */
const joined =
  (name: 'Sum' | 'Min' | 'Max' | 'Mean'): ImportRule =>
  ({ builder, node, value }) =>
    lowerings[name](
      builder,
      node.inputs.map((_, index) => value(index)),
      {},
    );

const activation =
  (apply: (b: GraphBuilder, x: Value, call: ImportCall) => Value | readonly Value[]): ImportRule =>
  (call) =>
    [apply(call.builder, call.value(0), call)].flat() as Value[];

/** One operand, written with other operators. */
const lowered = (
  name:
    | 'Acos'
    | 'Acosh'
    | 'Asin'
    | 'Atanh'
    | 'Cosh'
    | 'HardSwish'
    | 'Mish'
    | 'Sinh'
    | 'Softsign'
    | 'Tan',
): ImportRule => activation((b, x) => lowerings[name](b, [x], {}));

const float = ({ node }: ImportCall, name: string, otherwise: number): number =>
  floatAttribute(node, name, otherwise);

/** A limit that newer opsets give as an input, older ones as an attribute. */
const limit = (input: Literal | undefined, attribute: number | undefined): number | undefined =>
  input ? input.data[0] : attribute;

/** 1 where the comparison holds; the other way round it does not. */
const not = (b: GraphBuilder, condition: Value): Value => {
  const holds = b.apply('Cast', [condition], { to: 'float32' });
  return b.apply('Greater', [b.scalar(0.5), holds]);
};

const largestNumber = (2 - 2 ** -23) * 2 ** 127;

const infinite = ({ builder: b, node, value }: ImportCall): Value => {
  const x = value(0);
  const above = intAttribute(node, 'detect_positive', 1) === 1;
  const below = intAttribute(node, 'detect_negative', 1) === 1;
  if (above && below) return b.apply('Greater', [b.apply('Abs', [x]), b.scalar(largestNumber)]);
  if (above) return b.apply('Greater', [x, b.scalar(largestNumber)]);
  return b.apply('Greater', [b.scalar(-largestNumber), x]);
};

/** 1 where the truth values of both sides, added or multiplied, come to 1 at least. */
const both =
  (op: 'Mul' | 'Add'): ImportRule =>
  ({ builder, value }) => {
    const sides = [0, 1].map((index) => builder.apply('Cast', [value(index)], { to: 'float32' }));
    return [builder.apply('Greater', [builder.apply(op, sides), builder.scalar(0.5)])];
  };

const gelu = (call: ImportCall, x: Value, approximate: string): readonly Value[] => {
  if (approximate !== 'none' && approximate !== 'tanh')
    throw unsupported(call.node, `approximates by "${approximate}"`);
  return lowerings.Gelu(call.builder, [x], { approximate });
};

export const elementwise: Readonly<Record<string, ImportRule>> = {
  Add: plain('Add'),
  Sub: plain('Sub'),
  Mul: plain('Mul'),
  Div: plain('Div'),
  Pow: plain('Pow'),
  Mod: (call) => {
    const sign = intAttribute(call.node, 'fmod', 0) === 1 ? 'dividend' : 'divisor';
    return [call.builder.apply('Mod', [call.value(0), call.value(1)], { sign })];
  },
  Sum: joined('Sum'),
  Mean: joined('Mean'),
  Min: joined('Min'),
  Max: joined('Max'),
  Greater: plain('Greater'),
  Equal: plain('Equal'),
  Less: ({ builder, value }) => [builder.apply('Greater', [value(1), value(0)])],
  LessOrEqual: ({ builder, value }) => [
    not(builder, builder.apply('Greater', [value(0), value(1)])),
  ],
  GreaterOrEqual: ({ builder, value }) => [
    not(builder, builder.apply('Greater', [value(1), value(0)])),
  ],
  Not: activation((b, x) => not(b, x)),
  And: both('Mul'),
  Or: both('Add'),
  Xor: ({ builder, value }) => [not(builder, builder.apply('Equal', [value(0), value(1)]))],
  // Only what is no number differs from itself.
  IsNaN: activation((b, x) => not(b, b.apply('Equal', [x, x]))),
  IsInf: (call) => [infinite(call)],
  Where: plain('Where'),
  Neg: plain('Neg'),
  Abs: plain('Abs'),
  Sign: plain('Sign'),
  Floor: plain('Floor'),
  Ceil: plain('Ceil'),
  Round: plain('Round'),
  Sin: plain('Sin'),
  Cos: plain('Cos'),
  Tan: lowered('Tan'),
  Asin: lowered('Asin'),
  Acos: lowered('Acos'),
  Atan: plain('Atan'),
  Sinh: lowered('Sinh'),
  Cosh: lowered('Cosh'),
  Asinh: plain('Asinh'),
  Acosh: lowered('Acosh'),
  Atanh: lowered('Atanh'),
  Exp: plain('Exp'),
  Log: plain('Log'),
  Sqrt: plain('Sqrt'),
  Reciprocal: plain('Reciprocal'),
  Erf: plain('Erf'),
  Relu: plain('Relu'),
  Sigmoid: plain('Sigmoid'),
  Tanh: plain('Tanh'),
  Softplus: plain('Softplus'),
  PRelu: plain('PRelu'),
  LeakyRelu: activation((b, x, call) =>
    b.apply('LeakyRelu', [x], { alpha: float(call, 'alpha', 0.01) }),
  ),
  ThresholdedRelu: activation((b, x, call) => {
    const passes = b.apply('Greater', [x, b.scalar(float(call, 'alpha', 1))]);
    return b.apply('Where', [passes, x, b.scalar(0)]);
  }),
  Elu: activation((b, x, call) => b.apply('Elu', [x], { alpha: float(call, 'alpha', 1) })),
  Celu: activation((b, x, call) => lowerings.Celu(b, [x], { alpha: float(call, 'alpha', 1) })),
  Selu: activation((b, x, call) =>
    lowerings.Selu(b, [x], {
      alpha: float(call, 'alpha', 1.6732632),
      gamma: float(call, 'gamma', 1.050701),
    }),
  ),
  HardSigmoid: activation((b, x, call) =>
    b.apply('HardSigmoid', [x], {
      alpha: float(call, 'alpha', 0.2),
      beta: float(call, 'beta', 0.5),
    }),
  ),
  HardSwish: lowered('HardSwish'),
  Mish: lowered('Mish'),
  Softsign: lowered('Softsign'),
  Shrink: activation((b, x, call) =>
    lowerings.Shrink(b, [x], { lambda: float(call, 'lambd', 0.5), bias: float(call, 'bias', 0) }),
  ),
  Swish: activation((b, x, call) => lowerings.Silu(b, [x], { alpha: float(call, 'alpha', 1) })),
  Gelu: activation((_, x, call) => gelu(call, x, textAttribute(call.node, 'approximate', 'none'))),
  'com.microsoft:Gelu': activation((_, x, call) => gelu(call, x, 'none')),
  'com.microsoft:FastGelu': activation((b, x, call) =>
    gelu(call, call.has(1) ? b.apply('Add', [x, call.value(1)]) : x, 'tanh'),
  ),
  'com.microsoft:BiasGelu': activation((b, x, call) =>
    gelu(call, b.apply('Add', [x, call.value(1)]), 'none'),
  ),
  'com.microsoft:QuickGelu': activation((b, x, call) =>
    lowerings.Silu(b, [x], { alpha: float(call, 'alpha', 1.702) }),
  ),
  Clip: ({ builder, literal, node, value }) => {
    const min = limit(literal(1), floatAttribute(node, 'min', undefined));
    const max = limit(literal(2), floatAttribute(node, 'max', undefined));
    const sides = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
    return [builder.apply('Clip', [value(0)], sides)];
  },
  CastLike: activation((b, x, { value }) => {
    const to = value(1).dtype;
    return x.dtype === to ? x : b.apply('Cast', [x], { to });
  }),
  Cast: activation((b, x, { node }) => {
    const to = dtypeOfKind[kindOfDataType(intAttribute(node, 'to', 1))];
    return x.dtype === to ? x : b.apply('Cast', [x], { to });
  }),
};
