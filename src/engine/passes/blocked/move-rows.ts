/**
 * Transposes a value whose last axis stays last, such as one in blocked layout, by gathering its
 * rows. ONNX Runtime gathers with all threads, and transposes with one.
 */

import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import { sizeOf } from '../../tensor/shape.ts';

/**
 * @param permutation of all axes but the last
 * @param reversed an axis of `value` that is read backwards
 */
export const moveRows = (
  b: GraphBuilder,
  value: Value,
  permutation: readonly number[],
  reversed?: number,
): Value => {
  const outer = value.shape.slice(0, -1);
  const width = value.shape.at(-1) as number;
  const shape = permutation.map((axis) => outer[axis] as number);
  const strides = permutation.map((axis) => sizeOf(outer.slice(axis + 1)));
  const indices = Array.from({ length: sizeOf(outer) }, (_, row) => {
    let [rest, index] = [row, 0];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const extent = shape[axis] as number;
      const position = rest % extent;
      rest = Math.floor(rest / extent);
      const step = permutation[axis] === reversed ? extent - 1 - position : position;
      index += step * (strides[axis] as number);
    }
    return index;
  });
  const alike = indices.every((index, row) => index === row);
  if (alike) return b.apply('Reshape', [value], { shape: [...shape, width] });
  const rows = b.apply('Reshape', [value], { shape: [indices.length, width] });
  const gathered = b.apply('Gather', [rows], { axis: 0, indices });
  return b.apply('Reshape', [gathered], { shape: [...shape, width] });
};
