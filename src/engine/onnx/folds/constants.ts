/** Folds that give numbers out of attributes, shapes or nothing. */
import type { Shape } from '../../tensor/shape.ts';
import {
  emptyLiteral,
  integers,
  kindOfDataType,
  type Literal,
  type LiteralKind,
  literalFromOnnx,
} from '../literal.ts';
import { damaged, namedExtents } from '../node-shapes.ts';
import {
  floatAttribute,
  floatsAttribute,
  intAttribute,
  intsAttribute,
  tensorAttribute,
} from '../onnx-node.ts';
import { at, type Fold } from './fold.ts';

const constant: Fold = (_, node) => {
  const value = tensorAttribute(node, 'value', undefined);
  if (value) return literalFromOnnx(value, false);
  const number = (kind: LiteralKind, values: readonly number[], shape: Shape): Literal => ({
    ...emptyLiteral(kind, shape),
    data: kind === 'float' ? Float32Array.from(values) : Float64Array.from(values),
  });
  const float = floatAttribute(node, 'value_float', undefined);
  if (float !== undefined) return number('float', [float], []);
  const int = intAttribute(node, 'value_int', undefined);
  if (int !== undefined) return number('integer', [int], []);
  const floats = floatsAttribute(node, 'value_floats', undefined);
  if (floats?.length) return number('float', floats, [floats.length]);
  const ints = intsAttribute(node, 'value_ints', undefined);
  if (ints?.length) return number('integer', ints, [ints.length]);
  throw damaged(node, 'holds no numbers');
};

const range: Fold = (inputs, node) => {
  const [start, limit, step] = [0, 1, 2].map((index) => at(inputs, index, node)) as [
    Literal,
    Literal,
    Literal,
  ];
  const [first = 0, last = 0, by = 0] = [start, limit, step].map(({ data }) => data[0] as number);
  const count = Math.max(0, Math.ceil((last - first) / by));
  const result = emptyLiteral(start.kind, [count]);
  for (let i = 0; i < count; i++) result.data[i] = first + i * by;
  return result;
};

/** Ones on a diagonal, `k` above the main one. */
const eye: Fold = (inputs, node) => {
  const x = at(inputs, 0, node);
  const [rows = 1, columns = 1] = x.shape;
  const type = intAttribute(node, 'dtype', undefined);
  const result = emptyLiteral(type === undefined ? x.kind : kindOfDataType(type), x.shape);
  const offset = intAttribute(node, 'k', 0);
  for (let row = Math.max(0, -offset); row < Math.min(rows, columns - offset); row++)
    result.data[row * columns + row + offset] = 1;
  return result;
};

export const constants: Readonly<Record<string, Fold>> = {
  Constant: constant,
  ConstantOfShape: (inputs, node) => {
    const value = tensorAttribute(node, 'value', undefined);
    const fill = value ? literalFromOnnx(value, false) : undefined;
    const shape = Array.from(at(inputs, 0, node).data);
    const result = emptyLiteral(fill?.kind ?? 'float', shape);
    result.data.fill(fill?.data[0] ?? 0);
    return result;
  },
  Range: range,
  EyeLike: eye,
  Identity: (inputs, node) => at(inputs, 0, node),
  Dropout: (inputs, node) => at(inputs, 0, node),
  Shape: (inputs, node) => integers(namedExtents(node, at(inputs, 0, node).shape)),
  Size: (inputs, node) => integers([at(inputs, 0, node).data.length], []),
};
