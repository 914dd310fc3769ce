/** Import rules for operators that move, join and reshape. */

import type { Value } from '../../graph/graph.ts';
import { broadcastShapes, sizeOf } from '../../tensor/shape.ts';
import { lowerings } from '../lowerings.ts';
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
import { floatAttribute, intAttribute, intsAttribute, textAttribute } from '../onnx-node.ts';
import { type ImportCall, type ImportRule, unsupported } from './import-rule.ts';

const reshape = ({ builder, value }: ImportCall, shape: readonly number[]) => [
  builder.apply('Reshape', [value(0)], { shape }),
];

/**
 * A file exported with a fixed batch may name it in a shape. Where such a shape would not hold the
 * batch that is built, its first extent stands for the exported batch, as long as the batch comes
 * first in what is reshaped.
 */
const rebatched = ({ batch, value }: ImportCall, target: readonly number[]): readonly number[] => {
  const { exported, built } = batch;
  const { shape } = value(0);
  const [first = 0, ...rest] = target;
  const fits = !rest.includes(-1) && sizeOf(target) === sizeOf(shape);
  if (exported === undefined || fits || first <= 0 || first % exported !== 0) return target;
  return (shape[0] as number) % built === 0 ? [(first / exported) * built, ...rest] : target;
};

/** In a file for one picture a class token stands once; it is repeated for as many as are built. */
const repeated = (
  { batch: { exported, built }, builder }: ImportCall,
  parts: readonly Value[],
): readonly Value[] => {
  const follows = parts.some(({ shape }) => shape[0] === built);
  if (exported !== 1 || built === 1 || !follows) return parts;
  return parts.map((part) =>
    part.shape[0] === 1
      ? builder.apply('Expand', [part], { shape: part.shape.with(0, built) })
      : part,
  );
};

const blockSize = (call: ImportCall, divides: (size: number) => boolean): number => {
  const size = intAttribute(call.node, 'blocksize', 0);
  const [, , ...extents] = call.value(0).shape;
  if (size < 1 || extents.length !== 2 || !divides(size))
    throw unsupported(call.node, `has blocks of ${size} in [${call.value(0).shape}]`);
  return size;
};

/** No picture is padded by more. */
const largestPad = 4096;

/** Amounts before each axis, then after each: in an attribute, or for some axes in inputs. */
const padAmounts = ({ literal, node, value }: ImportCall): number[] => {
  const rank = value(0).shape.length;
  const given = listOf(node, 'pads', literal(1)) ?? intsAttribute(node, 'paddings', undefined);
  const axes = literal(3)?.data ?? value(0).shape.map((_, axis) => axis);
  const tooMany = given?.some((amount) => Math.abs(amount) > largestPad);
  if (given?.length !== axes.length * 2 || tooMany)
    throw unsupported(node, `pads [${given}] of ${rank} axes`);
  const pads = new Array<number>(rank * 2).fill(0);
  axes.forEach((axis, index) => {
    const counted = axisOf(node, axis, rank);
    pads[counted] = given[index] as number;
    pads[counted + rank] = given[index + axes.length] as number;
  });
  return pads;
};

export const movement: Readonly<Record<string, ImportRule>> = {
  Reshape: (call) => {
    const { literal, node, value } = call;
    const target = rebatched(call, listOf(node, 'shape', literal(1)) ?? []);
    const allowZero = intAttribute(node, 'allowzero', 0) === 1;
    return reshape(call, resolveReshape(node, value(0).shape, target, allowZero));
  },
  Flatten: (call) => reshape(call, flattenedShape(call.node, call.value(0).shape)),
  Squeeze: (call) => {
    const { literal, node, value } = call;
    return reshape(call, squeezedShape(node, value(0).shape, listOf(node, 'axes', literal(1))));
  },
  Unsqueeze: (call) => {
    const { literal, node, value } = call;
    const axes = listOf(node, 'axes', literal(1)) ?? [];
    return reshape(call, unsqueezedShape(node, value(0).shape, axes));
  },
  Expand: ({ builder, literal, value }) => {
    const shape = broadcastShapes(value(0).shape, Array.from(literal(1)?.data ?? []));
    return [builder.apply('Expand', [value(0)], { shape })];
  },
  Tile: ({ builder, literal, node, value }) => {
    const repeats = Array.from(literal(1)?.data ?? []);
    if (repeats.length !== value(0).shape.length) throw unsupported(node, `repeats [${repeats}]`);
    return lowerings.Tile(builder, [value(0)], { repeats });
  },
  Transpose: ({ builder, node, value }) => {
    const x = value(0);
    const permutation = transposePermutation(node, x.shape.length);
    return [builder.apply('Transpose', [x], { permutation })];
  },
  Slice: ({ builder, literal, node, value }) => {
    const x = value(0);
    const given = [undefined, literal(1), literal(2), literal(3), literal(4)];
    const bounds = sliceBounds(node, x.shape, given);
    // A clamped end of −1 means "to the first element", which ONNX writes as a number below −extent.
    const ends = bounds.ends.map((end) => (end < 0 ? Number.MIN_SAFE_INTEGER : end));
    return [builder.apply('Slice', [x], { ...bounds, ends })];
  },
  Split: ({ builder, literal, node, value }) => {
    const x = value(0);
    const axis = axisOf(node, intAttribute(node, 'axis', 0), x.shape.length);
    const sizes = splitSizes(node, x.shape[axis] as number, literal(1));
    return lowerings.Split(builder, [x], { axis, sizes });
  },
  Gather: ({ builder, literal, node, value }) => {
    const x = value(0);
    const axis = axisOf(node, intAttribute(node, 'axis', 0), x.shape.length);
    const { data, shape } = literal(1) ?? { data: [], shape: [] };
    const indices = Array.from(data, (index) => placeOn(node, index, axis, x.shape));
    return lowerings.Gather(builder, [x], { axis, indices, shape });
  },
  Concat: (call) => {
    const { builder, node, value } = call;
    const given = node.inputs.map((_, index) => value(index));
    const axis = axisOf(node, intAttribute(node, 'axis', 0), given[0]?.shape.length ?? 0);
    const parts = axis === 0 ? given : repeated(call, given);
    const apart = (shape: readonly number[]) => String(shape.with(axis, 0));
    const first = parts[0]?.shape ?? [];
    const odd = parts.find(
      ({ shape }) => shape.length !== first.length || apart(shape) !== apart(first),
    );
    if (odd) throw damaged(node, `joins [${first}] and [${odd.shape}]`);
    return [builder.apply('Concat', parts, { axis })];
  },
  Pad: (call) => {
    const { builder, literal, node, value } = call;
    const mode = textAttribute(node, 'mode', 'constant');
    if (mode !== 'constant' && mode !== 'reflect' && mode !== 'edge' && mode !== 'wrap')
      throw unsupported(node, `pads by "${mode}"`);
    const filled = literal(2)?.data[0] ?? floatAttribute(node, 'value', 0);
    return lowerings.Pad(builder, [value(0)], { pads: padAmounts(call), mode, value: filled });
  },
  DepthToSpace: (call) => {
    const mode = textAttribute(call.node, 'mode', 'DCR');
    if (mode !== 'DCR' && mode !== 'CRD') throw unsupported(call.node, `orders by "${mode}"`);
    const channels = call.value(0).shape[1] ?? 0;
    const size = blockSize(call, (block) => channels % (block * block) === 0);
    return lowerings.DepthToSpace(call.builder, [call.value(0)], { blockSize: size, mode });
  },
  SpaceToDepth: (call) => {
    const [, , h = 0, w = 0] = call.value(0).shape;
    const size = blockSize(call, (block) => h % block === 0 && w % block === 0);
    return lowerings.SpaceToDepth(call.builder, [call.value(0)], { blockSize: size });
  },
};
