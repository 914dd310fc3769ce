/** Folds element by element, between operands of different shapes too, and between kinds of numbers. */
import { broadcastShapes } from '../../tensor/shape.ts';
import {
  emptyLiteral,
  expandLiteral,
  kindOfDataType,
  type Literal,
  type LiteralKind,
} from '../literal.ts';
import { axisOf, damaged } from '../node-shapes.ts';
import { intAttribute, type SourceNode } from '../onnx-node.ts';
import { at, type Fold, reshaped } from './fold.ts';

const unary =
  (compute: (x: number, kind: LiteralKind) => number): Fold =>
  (inputs, node) => {
    const x = at(inputs, 0, node);
    const y = emptyLiteral(x.kind, x.shape, x.stored);
    for (let i = 0; i < y.data.length; i++) y.data[i] = compute(x.data[i] as number, x.kind);
    return y;
  };

const pairwise = (
  a: Literal,
  b: Literal,
  kind: LiteralKind,
  compute: (x: number, y: number) => number,
): Literal => {
  const shape = broadcastShapes(a.shape, b.shape);
  const [left, right] = [expandLiteral(a, shape), expandLiteral(b, shape)];
  const result = emptyLiteral(kind, shape, a.stored || b.stored);
  for (let i = 0; i < result.data.length; i++)
    result.data[i] = compute(left.data[i] as number, right.data[i] as number);
  return result;
};

/** Any number of operands, two at a time. */
const arithmetic =
  (compute: (x: number, y: number, kind: LiteralKind, node: SourceNode) => number): Fold =>
  (inputs, node) =>
    inputs
      .map((_, index) => at(inputs, index, node))
      .reduce((a, b) => pairwise(a, b, a.kind, (x, y) => compute(x, y, a.kind, node)));

const comparison =
  (compute: (x: number, y: number) => boolean): Fold =>
  (inputs, node) =>
    pairwise(at(inputs, 0, node), at(inputs, 1, node), 'boolean', (x, y) => +compute(x, y));

const cast: Fold = (inputs, node) => {
  const x = at(inputs, 0, node);
  const kind = kindOfDataType(intAttribute(node, 'to', 1));
  if (kind === x.kind) return x;
  const result = emptyLiteral(kind, x.shape, x.stored);
  const convert =
    kind === 'boolean'
      ? (value: number) => +(value !== 0)
      : kind === 'integer'
        ? Math.trunc
        : Number;
  for (let i = 0; i < result.data.length; i++) result.data[i] = convert(x.data[i] as number);
  return result;
};

/** (x − zero point) × scale, one scale for all or for each extent of an axis. */
const dequantize: Fold = (inputs, node) => {
  const x = at(inputs, 0, node);
  const axis = intAttribute(node, 'axis', 1);
  const spread = (parameter: Literal): Literal => {
    if (parameter.data.length === 1) return reshaped(parameter, []);
    const along = axisOf(node, axis, x.shape.length);
    return reshaped(
      parameter,
      x.shape.map((_, i) => (i === along ? parameter.data.length : 1)),
    );
  };
  const zero = inputs[2];
  const centred = zero ? pairwise(x, spread(zero), 'integer', (a, b) => a - b) : x;
  return pairwise(centred, spread(at(inputs, 1, node)), 'float', (a, b) => a * b);
};

const remainder = (x: number, y: number, node: SourceNode): number => {
  const truncated = x % y;
  const follows = intAttribute(node, 'fmod', 0) === 1 || truncated === 0 || truncated < 0 === y < 0;
  return follows ? truncated : truncated + y;
};

const halfToEven = (x: number): number => {
  const down = Math.floor(x);
  if (x - down !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
};

export const elementwise: Readonly<Record<string, Fold>> = {
  Cast: cast,
  CastLike: (inputs, node) => {
    const { kind } = at(inputs, 1, node);
    const to = { float: 1, integer: 7, boolean: 9 }[kind];
    return cast(inputs, { ...node, attributes: new Map([['to', { name: 'to', type: 2, i: to }]]) });
  },
  DequantizeLinear: dequantize,
  Where: (inputs, node) => {
    const [condition, yes, no] = [0, 1, 2].map((index) => at(inputs, index, node)) as [
      Literal,
      Literal,
      Literal,
    ];
    const shape = broadcastShapes(condition.shape, broadcastShapes(yes.shape, no.shape));
    const choice = expandLiteral(condition, shape);
    const branches = [expandLiteral(no, shape), expandLiteral(yes, shape)] as const;
    const result = emptyLiteral(yes.kind, shape, yes.stored || no.stored);
    for (let i = 0; i < result.data.length; i++)
      result.data[i] = branches[choice.data[i] ? 1 : 0].data[i] as number;
    return result;
  },
  Add: arithmetic((x, y) => x + y),
  Sub: arithmetic((x, y) => x - y),
  Mul: arithmetic((x, y) => x * y),
  Div: arithmetic((x, y, kind, node) => {
    if (kind === 'float') return x / y;
    if (y === 0) throw damaged(node, 'divides by zero');
    return Math.trunc(x / y);
  }),
  Mod: arithmetic((x, y, _, node) => remainder(x, y, node)),
  Pow: arithmetic((x, y) => x ** y),
  Min: arithmetic((x, y) => Math.min(x, y)),
  Max: arithmetic((x, y) => Math.max(x, y)),
  Equal: comparison((x, y) => x === y),
  Greater: comparison((x, y) => x > y),
  GreaterOrEqual: comparison((x, y) => x >= y),
  Less: comparison((x, y) => x < y),
  LessOrEqual: comparison((x, y) => x <= y),
  And: comparison((x, y) => x !== 0 && y !== 0),
  Or: comparison((x, y) => x !== 0 || y !== 0),
  Xor: comparison((x, y) => (x !== 0) !== (y !== 0)),
  Not: unary((x) => (x === 0 ? 1 : 0)),
  Neg: unary((x) => -x),
  Abs: unary(Math.abs),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Round: unary(halfToEven),
  Sign: unary(Math.sign),
  Sin: unary(Math.sin),
  Cos: unary(Math.cos),
  Tan: unary(Math.tan),
  Asin: unary(Math.asin),
  Acos: unary(Math.acos),
  Atan: unary(Math.atan),
  Sinh: unary(Math.sinh),
  Cosh: unary(Math.cosh),
  Asinh: unary(Math.asinh),
  Acosh: unary(Math.acosh),
  Atanh: unary(Math.atanh),
  Tanh: unary(Math.tanh),
  Sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  Sqrt: unary(Math.sqrt),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Reciprocal: unary((x) => 1 / x),
};
