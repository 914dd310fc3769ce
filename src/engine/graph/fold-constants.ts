/**
 * What a node of an ONNX file gives when all its inputs are known numbers: the shape arithmetic that
 * exporters leave in a graph, and weights that are stored small and widened in the graph. Integers
 * are exact, floats are rounded to float32 after each operator, as the runtime does.
 */
import { broadcastShapes, type Shape, sizeOf } from '../tensor/shape.ts';
import {
  copyStrided,
  emptyLiteral,
  expandLiteral,
  integers,
  kindOfDataType,
  type Literal,
  type LiteralKind,
  literalFromOnnx,
  stridesOf,
} from './literal.ts';
import {
  axisOf,
  damaged,
  flattenedShape,
  listOf,
  namedExtents,
  reducedAxes,
  resolveReshape,
  sliceBounds,
  splitSizes,
  squeezedShape,
  transposePermutation,
  unsqueezedShape,
} from './node-shapes.ts';
import {
  floatAttribute,
  floatsAttribute,
  intAttribute,
  intsAttribute,
  type SourceNode,
  tensorAttribute,
} from './onnx-node.ts';

/** An operator's inputs; those that were left out are undefined. */
type Inputs = readonly (Literal | undefined)[];
type Fold = (inputs: Inputs, node: SourceNode) => Literal | readonly Literal[];

const at = (inputs: Inputs, index: number, node: SourceNode): Literal => {
  const input = inputs[index];
  if (input === undefined) throw damaged(node, `lacks its input ${index}`);
  return input;
};

const unary =
  (compute: (x: number, kind: LiteralKind) => number): Fold =>
  (inputs, node) => {
    const x = at(inputs, 0, node);
    const y = emptyLiteral(x.kind, x.shape, x.stored);
    for (let i = 0; i < y.data.length; i++) y.data[i] = compute(x.data[i] as number, x.kind);
    return y;
  };

const elementwise = (
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
      .reduce((a, b) => elementwise(a, b, a.kind, (x, y) => compute(x, y, a.kind, node)));

const comparison =
  (compute: (x: number, y: number) => boolean): Fold =>
  (inputs, node) =>
    elementwise(at(inputs, 0, node), at(inputs, 1, node), 'boolean', (x, y) => +compute(x, y));

const slice: Fold = (inputs, node) => {
  const x = at(inputs, 0, node);
  const { starts, ends, axes, steps } = sliceBounds(node, x.shape, inputs);
  const strides = stridesOf(x.shape);
  const shape = [...x.shape];
  let offset = 0;
  axes.forEach((axis, i) => {
    const [start, end, step] = [starts[i] as number, ends[i] as number, steps[i] as number];
    shape[axis] = Math.max(0, Math.ceil((end - start) / step));
    offset += start * (strides[axis] as number);
    strides[axis] = (strides[axis] as number) * step;
  });
  return copyStrided(x, shape, strides, offset);
};

const reshaped = (x: Literal, shape: Shape): Literal => ({ ...x, shape });

const concat: Fold = (inputs, node) => {
  const parts = inputs.map((_, index) => at(inputs, index, node));
  const first = parts[0] as Literal;
  const axis = axisOf(node, intAttribute(node, 'axis', 0), first.shape.length);
  const extentOf = (part: Literal) => part.shape[axis] as number;
  const shape = first.shape.with(
    axis,
    parts.reduce((sum, part) => sum + extentOf(part), 0),
  );
  const fits = parts.every(
    (part) => String(part.shape.with(axis, 0)) === String(shape.with(axis, 0)),
  );
  if (!fits) throw damaged(node, `joins shapes that differ: ${parts.map((p) => `[${p.shape}]`)}`);
  const result = emptyLiteral(
    first.kind,
    shape,
    parts.some(({ stored }) => stored),
  );
  const inner = sizeOf(shape.slice(axis + 1));
  const rows = sizeOf(shape.slice(0, axis));
  let written = 0;
  for (let row = 0; row < rows; row++)
    for (const part of parts) {
      const width = extentOf(part) * inner;
      result.data.set(part.data.subarray(row * width, (row + 1) * width), written);
      written += width;
    }
  return result;
};

const gather: Fold = (inputs, node) => {
  const [x, indices] = [at(inputs, 0, node), at(inputs, 1, node)];
  const axis = axisOf(node, intAttribute(node, 'axis', 0), x.shape.length);
  const extent = x.shape[axis] as number;
  const inner = sizeOf(x.shape.slice(axis + 1));
  const outer = sizeOf(x.shape.slice(0, axis));
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  const result = emptyLiteral(x.kind, shape, x.stored);
  let written = 0;
  for (let row = 0; row < outer; row++)
    for (const index of indices.data) {
      const start = (row * extent + axisOf(node, index, extent)) * inner;
      result.data.set(x.data.subarray(start, start + inner), written);
      written += inner;
    }
  return result;
};

const split: Fold = (inputs, node) => {
  const x = at(inputs, 0, node);
  const axis = axisOf(node, intAttribute(node, 'axis', 0), x.shape.length);
  const strides = stridesOf(x.shape);
  let start = 0;
  return splitSizes(node, x.shape[axis] as number, inputs[1]).map((extent) => {
    const offset = start * (strides[axis] as number);
    start += extent;
    return copyStrided(x, x.shape.with(axis, extent), strides, offset);
  });
};

const reduction =
  (start: number, combine: (sum: number, x: number) => number, mean = false): Fold =>
  (inputs, node) => {
    const x = at(inputs, 0, node);
    const axes = reducedAxes(node, x.shape, inputs[1]);
    const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
    const strides = stridesOf(kept).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
    const positions = copyStrided(
      integers(Array.from({ length: sizeOf(kept) }, (_, i) => i)),
      x.shape,
      strides,
    );
    const result = emptyLiteral(x.kind, kept, x.stored);
    const totals = new Float64Array(result.data.length).fill(start);
    x.data.forEach((value, i) => {
      const position = positions.data[i] as number;
      totals[position] = combine(totals[position] as number, value);
    });
    const count = mean ? x.data.length / totals.length : 1;
    result.data.set(totals.map((total) => total / count));
    const keeps = intAttribute(node, 'keepdims', 1) === 1;
    return keeps
      ? result
      : reshaped(
          result,
          x.shape.filter((_, axis) => !axes.includes(axis)),
        );
  };

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
  const centred = zero ? elementwise(x, spread(zero), 'integer', (a, b) => a - b) : x;
  return elementwise(centred, spread(at(inputs, 1, node)), 'float', (a, b) => a * b);
};

/** Writes updates at the rows that indices name (no reduction). */
const scatter: Fold = (inputs, node) => {
  const [x, indices, updates] = [0, 1, 2].map((index) => at(inputs, index, node)) as [
    Literal,
    Literal,
    Literal,
  ];
  const depth = indices.shape.at(-1) ?? 0;
  const strides = stridesOf(x.shape);
  const inner = sizeOf(x.shape.slice(depth));
  const result: Literal = { ...x, data: x.data.slice() };
  for (let row = 0; row * depth < indices.data.length; row++) {
    let start = 0;
    for (let axis = 0; axis < depth; axis++) {
      const index = axisOf(node, indices.data[row * depth + axis] as number, x.shape[axis] ?? 0);
      start += index * (strides[axis] as number);
    }
    result.data.set(updates.data.subarray(row * inner, (row + 1) * inner), start);
  }
  return result;
};

const remainder = (x: number, y: number, node: SourceNode): number => {
  const truncated = x % y;
  const follows = intAttribute(node, 'fmod', 0) === 1 || truncated === 0 || truncated < 0 === y < 0;
  return follows ? truncated : truncated + y;
};

export const folds: Readonly<Record<string, Fold>> = {
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
  Identity: (inputs, node) => at(inputs, 0, node),
  Dropout: (inputs, node) => at(inputs, 0, node),
  Cast: cast,
  CastLike: (inputs, node) => {
    const { kind } = at(inputs, 1, node);
    const to = { float: 1, integer: 7, boolean: 9 }[kind];
    return cast(inputs, { ...node, attributes: new Map([['to', { name: 'to', type: 2, i: to }]]) });
  },
  Shape: (inputs, node) => integers(namedExtents(node, at(inputs, 0, node).shape)),
  Size: (inputs, node) => integers([at(inputs, 0, node).data.length], []),
  Reshape: (inputs, node) => {
    const x = at(inputs, 0, node);
    const target = listOf(node, 'shape', inputs[1]) ?? [];
    const allowZero = intAttribute(node, 'allowzero', 0) === 1;
    return reshaped(x, resolveReshape(node, x.shape, target, allowZero));
  },
  Flatten: (inputs, node) => {
    const x = at(inputs, 0, node);
    return reshaped(x, flattenedShape(node, x.shape));
  },
  Squeeze: (inputs, node) => {
    const x = at(inputs, 0, node);
    return reshaped(x, squeezedShape(node, x.shape, listOf(node, 'axes', inputs[1])));
  },
  Unsqueeze: (inputs, node) => {
    const x = at(inputs, 0, node);
    return reshaped(x, unsqueezedShape(node, x.shape, listOf(node, 'axes', inputs[1]) ?? []));
  },
  Transpose: (inputs, node) => {
    const x = at(inputs, 0, node);
    const permutation = transposePermutation(node, x.shape.length);
    const strides = stridesOf(x.shape);
    return copyStrided(
      x,
      permutation.map((axis) => x.shape[axis] as number),
      permutation.map((axis) => strides[axis] as number),
    );
  },
  Expand: (inputs, node) => {
    const x = at(inputs, 0, node);
    return expandLiteral(x, broadcastShapes(x.shape, Array.from(at(inputs, 1, node).data)));
  },
  Tile: (inputs, node) => {
    const x = at(inputs, 0, node);
    const repeats = Array.from(at(inputs, 1, node).data);
    if (repeats.length !== x.shape.length) throw damaged(node, `repeats [${x.shape}] [${repeats}]`);
    // [a, b] tiled [r, s] is [1, a, 1, b] expanded to [r, a, s, b].
    const pairs = x.shape.flatMap((extent, axis) => [repeats[axis] as number, extent]);
    const apart = reshaped(
      x,
      x.shape.flatMap((extent) => [1, extent]),
    );
    const shape = x.shape.map((extent, axis) => extent * (repeats[axis] as number));
    return reshaped(expandLiteral(apart, pairs), shape);
  },
  Slice: slice,
  Concat: concat,
  Gather: gather,
  Split: split,
  ScatterND: scatter,
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
  Not: unary((x) => (x === 0 ? 1 : 0)),
  Neg: unary((x) => -x),
  Abs: unary(Math.abs),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Sqrt: unary(Math.sqrt),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Reciprocal: unary((x) => 1 / x),
  ReduceProd: reduction(1, (product, x) => product * x),
  ReduceSum: reduction(0, (sum, x) => sum + x),
  ReduceMean: reduction(0, (sum, x) => sum + x, true),
  ReduceMax: reduction(Number.NEGATIVE_INFINITY, (most, x) => Math.max(most, x)),
  ReduceMin: reduction(Number.POSITIVE_INFINITY, (least, x) => Math.min(least, x)),
};
