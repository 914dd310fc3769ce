/** Shapes of operators that move elements and compute nothing, and of Resize. */
import { broadcastShapes, sameShape, sizeOf } from '../../tensor/shape.ts';
import type { MovementOps } from '../ops.ts';
import { axisOf, input, mismatch, type ShapeRules } from './shape-rule.ts';

export const movementShapes: ShapeRules<MovementOps> = {
  Reshape: (inputs, { shape }) => {
    const x = input(inputs, 0);
    if (sizeOf(shape) !== sizeOf(x.shape))
      throw mismatch(`${x.name} [${x.shape}] does not reshape to [${shape}]`);
    return [{ dtype: x.dtype, shape }];
  },
  Expand: (inputs, { shape }) => {
    const x = input(inputs, 0);
    if (!sameShape(broadcastShapes(x.shape, shape), shape))
      throw mismatch(`${x.name} [${x.shape}] does not expand to [${shape}]`);
    return [{ dtype: x.dtype, shape }];
  },
  Transpose: (inputs, { permutation }) => {
    const x = input(inputs, 0);
    if (permutation.length !== x.shape.length || new Set(permutation).size !== permutation.length)
      throw mismatch(`[${permutation}] does not permute the axes of ${x.name} [${x.shape}]`);
    return [
      { dtype: x.dtype, shape: permutation.map((axis) => x.shape[axisOf(x, axis)] as number) },
    ];
  },
  Slice: (inputs, { starts, ends, axes, steps }) => {
    const x = input(inputs, 0);
    const shape = [...x.shape];
    axes.forEach((axis, i) => {
      const extent = shape[axisOf(x, axis)] as number;
      const step = steps[i] as number;
      // Bounds clamp as ONNX does: to [0, extent] forwards and to [-1, extent-1] backwards.
      const clamp = (bound: number) => {
        const counted = bound < 0 ? bound + extent : bound;
        return step > 0
          ? Math.min(Math.max(counted, 0), extent)
          : Math.min(Math.max(counted, -1), extent - 1);
      };
      const length = Math.ceil((clamp(ends[i] as number) - clamp(starts[i] as number)) / step);
      shape[axis] = Math.max(0, length);
    });
    return [{ dtype: x.dtype, shape }];
  },
  Gather: (inputs, { axis, indices }) => {
    const x = input(inputs, 0);
    const extent = x.shape[axisOf(x, axis)] as number;
    const outside = indices.find((index) => !(index >= 0 && index < extent));
    if (outside !== undefined)
      throw mismatch(`index ${outside} is outside axis ${axis} of ${x.name} [${x.shape}]`);
    return [{ dtype: x.dtype, shape: x.shape.with(axis, indices.length) }];
  },
  GatherElements: (inputs, { axis }) => {
    const [x, indices] = [input(inputs, 0), input(inputs, 1)];
    axisOf(x, axis);
    if (!sameShape(indices.shape.with(axis, 0), x.shape.with(axis, 0)))
      throw mismatch(`places of [${indices.shape}] are no places of [${x.shape}] along ${axis}`);
    return [{ dtype: x.dtype, shape: indices.shape }];
  },
  Concat: (inputs, { axis }) => {
    const first = input(inputs, 0);
    axisOf(first, axis);
    for (const { name, shape } of inputs)
      if (!sameShape(shape.with(axis, 0), first.shape.with(axis, 0)))
        throw mismatch(`${name} [${shape}] does not join [${first.shape}] along axis ${axis}`);
    const extent = inputs.reduce((sum, value) => sum + (value.shape[axis] as number), 0);
    return [{ dtype: first.dtype, shape: first.shape.with(axis, extent) }];
  },
  Pad: (inputs, { pads }) => {
    const x = input(inputs, 0);
    const rank = x.shape.length;
    const shape = x.shape.map(
      (extent, axis) => extent + (pads[axis] as number) + (pads[axis + rank] as number),
    );
    return [{ dtype: x.dtype, shape }];
  },
  Resize: (inputs, { sizes, scales, mode }) => {
    const x = input(inputs, 0);
    if (sizes.length !== x.shape.length || scales?.length === x.shape.length - 1)
      throw mismatch(`${x.name} [${x.shape}] does not resize to [${sizes}]`);
    if (mode !== 'nearest' && !sameShape(sizes.slice(0, 2), x.shape.slice(0, 2)))
      throw mismatch(`${x.name} [${x.shape}] is resized along its pictures or channels`);
    return [{ dtype: x.dtype, shape: sizes }];
  },
};
