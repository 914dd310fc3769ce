/** Operators that choose by place along axes: running sums, triangles, and places that are known. */

import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { float32, tensor } from '../../tensor/tensor.ts';
import { type Lowering, unary } from './lowering.ts';

const reshape = (b: GraphBuilder, x: Value, shape: readonly number[]): Value =>
  b.apply('Reshape', [x], { shape });

export interface CumSumAttributes {
  readonly axis: number;
  /** Leaves the place itself out. */
  readonly exclusive: boolean;
  /** From the end. */
  readonly reverse: boolean;
}

export interface OneHotAttributes {
  /** Of the result; the new one. */
  readonly axis: number;
  readonly depth: number;
  readonly on: number;
  readonly off: number;
}

export interface PlacesAttributes {
  readonly indices: readonly number[];
  /** The shape of the indices. */
  readonly shape: readonly number[];
}

/** `on` at the place that each index names along a new axis, `off` elsewhere. */
const oneHot = (b: GraphBuilder, x: Value, { axis, depth, on, off }: OneHotAttributes): Value => {
  const whole = x.dtype === 'int64' ? x : b.apply('Cast', [x], { to: 'int64' });
  const column = reshape(b, whole, x.shape.toSpliced(axis, 0, 1));
  const integer = (numbers: readonly number[], shape: readonly number[]) =>
    b.constant(tensor('int64', shape, BigInt64Array.from(numbers, BigInt)), 'places');
  const isCounted = b.apply('Greater', [integer([0], []), column]);
  const wrapped = b.apply('Add', [column, integer([depth], [])]);
  const index = b.apply('Where', [isCounted, wrapped, column]);
  const places = Array.from({ length: depth }, (_, place) => place);
  const inner = x.shape.slice(axis).map(() => 1);
  const isHot = b.apply('Equal', [index, integer(places, [depth, ...inner])]);
  return b.apply('Where', [isHot, b.scalar(on), b.scalar(off)]);
};

export const placeLowerings = {
  /** A product with a triangle of ones. */
  CumSum: unary<CumSumAttributes>((b, x, { axis, exclusive, reverse }) => {
    const extent = x.shape[axis] as number;
    const counts = (from: number, to: number) => (from === to ? !exclusive : from < to !== reverse);
    const ones = Float32Array.from({ length: extent * extent }, (_, i) =>
      counts(Math.floor(i / extent), i % extent) ? 1 : 0,
    );
    const triangle = b.constant(float32([extent, extent], ones), 'triangle');
    const last = x.shape.length - 1;
    const swap = x.shape.map((_, i) => (i === axis ? last : i === last ? axis : i));
    const turned = (value: Value) =>
      axis === last ? value : b.apply('Transpose', [value], { permutation: swap });
    const rows = turned(x);
    const flat = reshape(b, rows, [sizeOf(rows.shape) / extent, extent]);
    return turned(reshape(b, b.apply('MatMul', [flat, triangle]), rows.shape));
  }),
  /** The part of each matrix on one side of a diagonal; zero on the other. */
  Trilu: unary<{ readonly upper: boolean; readonly diagonal: number }>(
    (b, x, { upper, diagonal }) => {
      const [rows, columns] = x.shape.slice(-2) as [number, number];
      const isKept = Uint8Array.from({ length: rows * columns }, (_, i) => {
        const offset = (i % columns) - Math.floor(i / columns);
        return +(upper ? offset >= diagonal : offset <= diagonal);
      });
      const mask = b.constant(tensor('bool', [rows, columns], isKept), 'mask');
      return b.apply('Where', [mask, x, b.scalar(0)]);
    },
  ),
  OneHot: unary<OneHotAttributes>(oneHot),
  /** 1 at the first of the largest along an axis, 0 elsewhere. */
  Hardmax: unary<{ readonly axis: number }>((b, x, { axis }) => {
    const depth = x.shape[axis] as number;
    return oneHot(b, b.apply('ArgMax', [x], { axis }), { axis, depth, on: 1, off: 0 });
  }),
  /** Rows of places in the first axes, which become one. */
  GatherND: unary<PlacesAttributes>((b, x, { indices, shape }) => {
    const depth = shape.at(-1) as number;
    const named = x.shape.slice(0, depth);
    const rest = x.shape.slice(depth);
    const places = Array.from({ length: indices.length / depth }, (_, row) =>
      named.reduce((place, extent, axis) => {
        const index = indices[row * depth + axis] as number;
        return place * extent + (index < 0 ? index + extent : index);
      }, 0),
    );
    const rows = reshape(b, x, [sizeOf(named), ...rest]);
    const taken = b.apply('Gather', [rows], { axis: 0, indices: places });
    return reshape(b, taken, [...shape.slice(0, -1), ...rest]);
  }),
  /**
   * X [N,…] with updates [N, rows, …] written over places in its next axes, the same in each picture:
   * gathered from both, side by side.
   */
  ScatterND: ((b, inputs, { indices, depth }) => {
    const [x, updates] = inputs as [Value, Value];
    const [n, ...extents] = x.shape as [number, ...number[]];
    const rows = sizeOf(extents.slice(0, depth));
    const inner = sizeOf(extents.slice(depth));
    const places = Array.from({ length: rows }, (_, row) => row);
    for (let update = 0; update * depth < indices.length; update++) {
      const row = indices
        .slice(update * depth, (update + 1) * depth)
        .reduce((sum, index, axis) => sum * (extents[axis] as number) + index, 0);
      places[row] = rows + update;
    }
    const both = [
      reshape(b, x, [n, rows, inner]),
      reshape(b, updates, [n, indices.length / depth, inner]),
    ];
    const joined = b.apply('Concat', both, { axis: 1 });
    return [reshape(b, b.apply('Gather', [joined], { axis: 1, indices: places }), x.shape)];
  }) as Lowering<{ readonly indices: readonly number[]; readonly depth: number }>,
  /** x[n, …, indices[…], …], the indices being those of one picture: they are the same for all. */
  GatherElements: unary<PlacesAttributes & { readonly axis: number }>(
    (b, x, { axis, indices, shape }) => {
      const [n, ...extents] = x.shape as [number, ...number[]];
      const strides = extents.map((_, i) => sizeOf(extents.slice(i + 1)));
      const steps = shape.map((_, i) => sizeOf(shape.slice(i + 1)));
      const places = indices.map((index, flat) =>
        strides.reduce((place, stride, i) => {
          const along = Math.floor(flat / (steps[i] as number)) % (shape[i] as number);
          const extent = extents[i] as number;
          const chosen = i === axis - 1 ? (index < 0 ? index + extent : index) : along;
          return place + chosen * stride;
        }, 0),
      );
      const rows = reshape(b, x, [n, sizeOf(extents)]);
      const taken = b.apply('Gather', [rows], { axis: 1, indices: places });
      return reshape(b, taken, [n, ...shape]);
    },
  ),
};
