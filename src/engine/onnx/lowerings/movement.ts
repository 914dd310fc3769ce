/** Operators that only move elements, written with Reshape, Transpose, Slice, Expand and Gather. */
import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import { type Lowering, unary } from './lowering.ts';

const reshape = (b: GraphBuilder, x: Value, shape: readonly number[]): Value =>
  b.apply('Reshape', [x], { shape });

const sliceOf = (b: GraphBuilder, x: Value, axis: number, start: number, end: number): Value =>
  b.apply('Slice', [x], { starts: [start], ends: [end], axes: [axis], steps: [1] });

export interface GatherAttributes {
  readonly axis: number;
  /** May count from the end. */
  readonly indices: readonly number[];
  /** The shape of the indices; [] for one place, whose axis goes. */
  readonly shape: readonly number[];
}

export interface PadAttributes {
  readonly pads: readonly number[];
  readonly mode: 'constant' | 'reflect' | 'edge' | 'wrap';
  readonly value: number;
}

/** Which place of the input stands for a place outside. @param last the input's last place */
const insidePlaces: {
  readonly [Mode in Exclude<PadAttributes['mode'], 'constant'>]: (
    place: number,
    last: number,
  ) => number;
} = {
  edge: (place, last) => Math.min(Math.max(place, 0), last),
  reflect: (place, last) => last - Math.abs(last - Math.abs(place)),
  wrap: (place, last) => ((place % (last + 1)) + last + 1) % (last + 1),
};

export interface DepthToSpaceAttributes {
  readonly blockSize: number;
  /** Whether a pixel's block (depth, column, row) or the new channel (column, row, depth) is outermost. */
  readonly mode: 'DCR' | 'CRD';
}

export const movementLowerings = {
  Split: ((b, [x], { axis, sizes }) => {
    let start = 0;
    return sizes.map((size) => {
      start += size;
      return sliceOf(b, x as Value, axis, start - size, start);
    });
  }) as Lowering<{ readonly axis: number; readonly sizes: readonly number[] }>,
  /** Each axis grows a neighbour that is expanded and joined with it. */
  Tile: unary<{ readonly repeats: readonly number[] }>((b, x, { repeats }) =>
    repeats.reduce((value, count, axis) => {
      if (count === 1) return value;
      const [before, after] = [value.shape.slice(0, axis), value.shape.slice(axis)];
      const beside = reshape(b, value, [...before, 1, ...after]);
      const repeated = b.apply('Expand', [beside], { shape: [...before, count, ...after] });
      return reshape(b, repeated, value.shape.with(axis, count * (after[0] as number)));
    }, x),
  ),
  Gather: unary<GatherAttributes>((b, x, { axis, indices, shape }) => {
    const extent = x.shape[axis] as number;
    const places = indices.map((index) => (index < 0 ? index + extent : index));
    const first = places[0] ?? 0;
    const inARow = places.length > 0 && places.every((place, i) => place === first + i);
    const taken = inARow
      ? sliceOf(b, x, axis, first, first + places.length)
      : b.apply('Gather', [x], { axis, indices: places });
    if (shape.length === 1) return taken;
    return reshape(b, taken, [...x.shape.slice(0, axis), ...shape, ...x.shape.slice(axis + 1)]);
  }),
  /** What mirrors or repeats the border gathers places of the input, one axis after the other. */
  Pad: unary<PadAttributes>((b, x, { pads, mode, value }) => {
    if (mode === 'constant') return b.apply('Pad', [x], value === 0 ? { pads } : { pads, value });
    return x.shape.reduce((padded, extent, axis) => {
      const [before, after] = [pads[axis] as number, pads[axis + x.shape.length] as number];
      if (before === 0 && after === 0) return padded;
      const last = extent - 1;
      const inside = insidePlaces[mode];
      const indices = Array.from({ length: before + extent + after }, (_, i) =>
        inside(i - before, last),
      );
      return b.apply('Gather', [padded], { axis, indices });
    }, x);
  }),
  DepthToSpace: unary<DepthToSpaceAttributes>((b, x, { blockSize: k, mode }) => {
    const [n, c, h, w] = x.shape as readonly [number, number, number, number];
    const channels = c / (k * k);
    const blocks = mode === 'DCR' ? [n, k, k, channels, h, w] : [n, channels, k, k, h, w];
    const permutation = mode === 'DCR' ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3];
    const moved = b.apply('Transpose', [reshape(b, x, blocks)], { permutation });
    return reshape(b, moved, [n, channels, h * k, w * k]);
  }),
  SpaceToDepth: unary<{ readonly blockSize: number }>((b, x, { blockSize: k }) => {
    const [n, c, h, w] = x.shape as readonly [number, number, number, number];
    const blocks = reshape(b, x, [n, c, h / k, k, w / k, k]);
    const moved = b.apply('Transpose', [blocks], { permutation: [0, 3, 5, 1, 2, 4] });
    return reshape(b, moved, [n, c * k * k, h / k, w / k]);
  }),
};
