/**
 * Shapes and index lists as the nodes of an ONNX file give them: in an attribute or an input, with
 * negative axes, zeros that copy and minus ones that are what remains. Used alike for numbers known
 * while reading and for the values of a graph.
 */
import { RelearnError } from '../../base/errors.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import type { Literal } from './literal.ts';
import { intAttribute, intsAttribute, type SourceNode } from './onnx-node.ts';

/** The error of a node whose shapes or indices do not fit. */
export const damaged = (node: SourceNode, what: string): RelearnError =>
  new RelearnError('invalid', 'onnx_shape', `The ${node.title} ${what}.`, {
    hint: 'Export the model again with a fixed picture size.',
  });

/** A list that older opsets keep in an attribute and newer ones in an input. */
export const listOf = (
  node: SourceNode,
  name: string,
  input: Literal | undefined,
): readonly number[] | undefined =>
  input ? Array.from(input.data) : intsAttribute(node, name, undefined);

/** Counts negative axes from the end and refuses those that do not exist. */
export const axisOf = (node: SourceNode, axis: number, rank: number): number => {
  const counted = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(counted) || counted < 0 || counted >= rank)
    throw damaged(node, `has no axis ${axis} among ${rank}`);
  return counted;
};

/** Counts an index along an axis from its end where it is negative, and refuses one outside. */
export const placeOn = (node: SourceNode, index: number, axis: number, shape: Shape): number => {
  const extent = shape[axis] ?? 0;
  const counted = index < 0 ? index + extent : index;
  if (!Number.isInteger(counted) || counted < 0 || counted >= extent)
    throw damaged(node, `has the index ${index} into axis ${axis}, whose size is ${extent}`);
  return counted;
};

/** The extents that a reshape's target stands for: 0 copies, one −1 is what remains. */
export const resolveReshape = (
  node: SourceNode,
  from: Shape,
  target: readonly number[],
  allowZero = false,
): number[] => {
  const extents = target.map((extent, axis) =>
    extent === 0 && !allowZero ? (from[axis] ?? Number.NaN) : extent,
  );
  const known = sizeOf(extents.filter((extent) => extent !== -1));
  const resolved = extents.map((extent) => (extent === -1 ? sizeOf(from) / known : extent));
  const fits =
    resolved.every((extent) => Number.isInteger(extent) && extent >= 0) &&
    sizeOf(resolved) === sizeOf(from) &&
    extents.filter((extent) => extent === -1).length <= 1;
  if (!fits) throw damaged(node, `does not reshape [${from}] to [${target}]`);
  return resolved;
};

/** Shape after axes of extent 1 are taken out; all of them where none is named. */
export const squeezedShape = (
  node: SourceNode,
  shape: Shape,
  axes: readonly number[] | undefined,
): number[] => {
  const gone = axes?.map((axis) => axisOf(node, axis, shape.length));
  if (gone?.some((axis) => shape[axis] !== 1))
    throw damaged(node, `cannot drop the axes ${gone} of [${shape}]`);
  return shape.filter((extent, axis) => (gone ? !gone.includes(axis) : extent !== 1));
};

export const unsqueezedShape = (
  node: SourceNode,
  shape: Shape,
  axes: readonly number[],
): number[] => {
  const rank = shape.length + axes.length;
  const fresh = axes.map((axis) => axisOf(node, axis, rank));
  const rest = [...shape];
  return Array.from({ length: rank }, (_, axis) =>
    fresh.includes(axis) ? 1 : (rest.shift() as number),
  );
};

export const flattenedShape = (node: SourceNode, shape: Shape): number[] => {
  const axis = intAttribute(node, 'axis', 1);
  const cut = axis === shape.length ? axis : axisOf(node, axis, shape.length);
  return [sizeOf(shape.slice(0, cut)), sizeOf(shape.slice(cut))];
};

export interface SliceBounds {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly axes: readonly number[];
  readonly steps: readonly number[];
}

/** Slice as an attribute of opset 9 or as inputs since opset 10, clamped to the shape. */
export const sliceBounds = (
  node: SourceNode,
  shape: Shape,
  inputs: readonly (Literal | undefined)[],
): SliceBounds => {
  const starts = listOf(node, 'starts', inputs[1]);
  const ends = listOf(node, 'ends', inputs[2]);
  if (!starts || starts.length !== ends?.length) throw damaged(node, 'lacks its bounds');
  const axes = (listOf(node, 'axes', inputs[3]) ?? starts.map((_, axis) => axis)).map((axis) =>
    axisOf(node, axis, shape.length),
  );
  const steps = inputs[4] ? Array.from(inputs[4].data) : starts.map(() => 1);
  if (steps.some((step) => step === 0 || !Number.isInteger(step)))
    throw damaged(node, `has steps [${steps}]`);
  const clamp = (bound: number, i: number): number => {
    const extent = shape[axes[i] as number] as number;
    const forwards = (steps[i] as number) > 0;
    const counted = bound < 0 ? bound + extent : bound;
    const [lowest, highest] = forwards ? [0, extent] : [-1, extent - 1];
    return Math.min(Math.max(counted, lowest), highest);
  };
  return { starts: starts.map(clamp), ends: ends.map(clamp), axes, steps };
};

/** Sizes given, or as equal as the number of outputs allows (the last one smaller). */
export const splitSizes = (
  node: SourceNode,
  extent: number,
  input: Literal | undefined,
): readonly number[] => {
  const parts = node.outputs.length;
  const each = Math.ceil(extent / parts);
  const sizes =
    listOf(node, 'split', input) ??
    Array.from({ length: parts }, (_, i) => Math.min(each, extent - i * each));
  if (sizes.some((size) => size < 0) || sizes.reduce((a, b) => a + b, 0) !== extent)
    throw damaged(node, `splits ${extent} into [${sizes}]`);
  return sizes;
};

/** Axes of a reduction, in an attribute or an input; all where none is named. */
export const reducedAxes = (
  node: SourceNode,
  shape: Shape,
  input: Literal | undefined,
): number[] => {
  const axes = listOf(node, 'axes', input) ?? [];
  if (axes.length > 0)
    return axes.map((axis) => axisOf(node, axis, shape.length)).sort((a, b) => a - b);
  return intAttribute(node, 'noop_with_empty_axes', 0) === 1 ? [] : shape.map((_, axis) => axis);
};

/** Reversed axes where none are given. */
export const transposePermutation = (node: SourceNode, rank: number): number[] => {
  const given = intsAttribute(node, 'perm', undefined);
  const permutation = given?.length ? given : Array.from({ length: rank }, (_, i) => rank - 1 - i);
  const complete = new Set(permutation).size === rank && permutation.length === rank;
  if (!complete) throw damaged(node, `permutes ${rank} axes by [${permutation}]`);
  return permutation.map((axis) => axisOf(node, axis, rank));
};

/** What Shape gives: all extents, or since opset 15 a part of them. */
export const namedExtents = (node: SourceNode, shape: Shape): Shape =>
  shape.slice(intAttribute(node, 'start', 0), intAttribute(node, 'end', shape.length));
