/** Sums of what comes from the same place: the gradient of taking values by their indices. */
import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import { type Shape, sizeOf } from '../../tensor/shape.ts';
import { float32, tensor } from '../../tensor/tensor.ts';

/** Adds every value to the element of a tensor of zeros that its flat index names. */
export const addAtIndices = (
  b: GraphBuilder,
  values: Value,
  indices: Value,
  shape: Shape,
): Value => {
  const zeros = b.apply('Expand', [b.constant(float32([1], [0]), 'zero')], {
    shape: [sizeOf(shape)],
  });
  const flat = (value: Value) => b.apply('Reshape', [value], { shape: [sizeOf(value.shape)] });
  const sums = b.apply('ScatterElements', [zeros, flat(indices), flat(values)]);
  return b.apply('Reshape', [sums], { shape });
};

/** Numbers along one axis of so many, 1 along the others. */
export const alongAxis = (
  b: GraphBuilder,
  rank: number,
  axis: number,
  numbers: readonly number[],
): Value => {
  const shape = Array.from({ length: rank }, (_, i) => (i === axis ? numbers.length : 1));
  return b.constant(tensor('int64', shape, BigInt64Array.from(numbers, BigInt)), 'places');
};

/**
 * Adds every value to the element of a tensor of zeros that has its own place in all axes but one,
 * and there the place that `indices` names.
 * @param indices int64, in the values' shape or one that broadcasts to it; from 0
 */
export const addAlong = (
  b: GraphBuilder,
  values: Value,
  {
    axis,
    indices,
    shape,
  }: { readonly axis: number; readonly indices: Value; readonly shape: Shape },
): Value => {
  const rank = shape.length;
  const stride = (of: number) => sizeOf(shape.slice(of + 1));
  const scaled = b.apply('Mul', [indices, alongAxis(b, rank, axis, [stride(axis)])]);
  const flat = values.shape.reduce((sum, extent, other) => {
    if (other === axis) return sum;
    const own = Array.from({ length: extent }, (_, place) => place * stride(other));
    return b.apply('Add', [sum, alongAxis(b, rank, other, own)]);
  }, scaled);
  return addAtIndices(b, values, flat, shape);
};
