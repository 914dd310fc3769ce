/** Folds that move, join and reshape. */
import { broadcastShapes, sizeOf } from '../../tensor/shape.ts';
import { copyStrided, emptyLiteral, expandLiteral, type Literal, stridesOf } from '../literal.ts';
import {
  axisOf,
  damaged,
  flattenedShape,
  listOf,
  placeOn,
  resolveReshape,
  sliceBounds,
  splitSizes,
  squeezedShape,
  transposePermutation,
  unsqueezedShape,
} from '../node-shapes.ts';
import { intAttribute } from '../onnx-node.ts';
import { at, type Fold, reshaped } from './fold.ts';

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
      const start = (row * extent + placeOn(node, index, axis, x.shape)) * inner;
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

/** What lies on the other side of a diagonal of each matrix becomes zero. */
const trilu: Fold = (inputs, node) => {
  const x = at(inputs, 0, node);
  const [rows = 1, columns = 1] = x.shape.slice(-2);
  const diagonal = inputs[1]?.data[0] ?? 0;
  const upper = intAttribute(node, 'upper', 1) === 1;
  const data = x.data.map((value, i) => {
    const offset = (i % columns) - (Math.floor(i / columns) % rows);
    return (upper ? offset >= diagonal : offset <= diagonal) ? value : 0;
  });
  return { ...x, data };
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
      const index = placeOn(node, indices.data[row * depth + axis] as number, axis, x.shape);
      start += index * (strides[axis] as number);
    }
    result.data.set(updates.data.subarray(row * inner, (row + 1) * inner), start);
  }
  return result;
};

export const movement: Readonly<Record<string, Fold>> = {
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
  Trilu: trilu,
};
