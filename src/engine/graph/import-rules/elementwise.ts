/** Import rules for operators that work element by element. */
import type { Literal } from '../literal.ts';
import { floatAttribute } from '../onnx-node.ts';
import type { ImportRule } from './import-rule.ts';

const plain =
  (op: 'Sqrt' | 'Exp' | 'Log' | 'Neg' | 'Reciprocal' | 'Relu' | 'Sigmoid'): ImportRule =>
  ({ builder, value }) => [builder.apply(op, [value(0)])];

const pair =
  (op: 'Sub' | 'Div' | 'Greater' | 'Equal'): ImportRule =>
  ({ builder, value }) => [builder.apply(op, [value(0), value(1)])];

/** Any number of operands, two at a time. */
const joined =
  (op: 'Add' | 'Mul'): ImportRule =>
  ({ builder, node, value }) => [
    node.inputs
      .map((_, index) => value(index))
      .reduce((left, right) => builder.apply(op, [left, right])),
  ];

/** A limit that newer opsets give as an input, older ones as an attribute. */
const limit = (input: Literal | undefined, attribute: number | undefined): number | undefined =>
  input ? input.data[0] : attribute;

export const elementwise: Readonly<Record<string, ImportRule>> = {
  Add: joined('Add'),
  Sum: joined('Add'),
  Mul: joined('Mul'),
  Sub: pair('Sub'),
  Div: pair('Div'),
  Greater: pair('Greater'),
  Equal: pair('Equal'),
  Neg: plain('Neg'),
  Exp: plain('Exp'),
  Log: plain('Log'),
  Sqrt: plain('Sqrt'),
  Reciprocal: plain('Reciprocal'),
  Relu: plain('Relu'),
  Sigmoid: plain('Sigmoid'),
  Clip: ({ builder, literal, node, value }) => {
    const min = limit(literal(1), floatAttribute(node, 'min', undefined));
    const max = limit(literal(2), floatAttribute(node, 'max', undefined));
    const sides = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
    return [builder.apply('Clip', [value(0)], sides)];
  },
  Where: ({ builder, value }) => [builder.apply('Where', [value(0), value(1), value(2)])],
};
