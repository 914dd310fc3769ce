/**
 * The gradient of looking at a picture through a grid (Jaderberg et al. 2015). Between its neighbours
 * a place reads with weights that fall linearly to zero over one pixel: hats, one along the rows and
 * one along the columns, whose products are a matrix from pixels to places. The nearest pixel is what
 * the rounded place reads.
 */
import { RelearnError } from '../../base/errors.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';
import type { GridSampleAttributes } from '../graph/ops.ts';
import { sizeOf } from '../tensor/shape.ts';
import { float32 } from '../tensor/tensor.ts';
import { at, type GradientRule, masked, scaled } from './gradient-rules/gradient-rule.ts';

interface Axis {
  /** [N, places, extent], and its slope in the grid's coordinate. */
  readonly weights: Value;
  readonly slope: Value;
}

/** Where a coordinate reads, and by how much that moves with it: undefined where they move alike. */
interface Place {
  readonly place: Value;
  readonly moves?: Value;
}

const limited = (b: GraphBuilder, free: Value, extent: number): Place => {
  const place = b.apply('Clip', [free], { min: 0, max: extent - 1 });
  const moves = b.apply('Cast', [b.apply('Equal', [place, free])], { to: 'float32' });
  return { place, moves };
};

/** To and fro between the borders: there for one length of the picture, back for the next. */
const mirrored = (b: GraphBuilder, free: Value, extent: number, alignCorners: boolean): Place => {
  const first = alignCorners ? 0 : -0.5;
  const length = extent - 1 - 2 * first;
  // A picture of one pixel that reaches from its centre to its centre.
  if (length === 0) return limited(b, scaled(b, free, 0), extent);
  const way = b.apply('Sub', [free, b.scalar(first)]);
  const rounds = b.apply('Floor', [scaled(b, way, 1 / (2 * length))]);
  const onRound = b.apply('Sub', [way, scaled(b, rounds, 2 * length)]);
  const ahead = b.apply('Sub', [b.scalar(length), onRound]);
  const back = b.apply('Sub', [b.scalar(first + length), b.apply('Abs', [ahead])]);
  const { place, moves } = limited(b, back, extent);
  return { place, moves: b.apply('Mul', [moves as Value, b.apply('Sign', [ahead])]) };
};

/** @param coordinate [N, places, 1] */
const hats = (
  b: GraphBuilder,
  coordinate: Value,
  extent: number,
  { alignCorners, mode, padding }: GridSampleAttributes,
): Axis => {
  const scale = (alignCorners ? extent - 1 : extent) / 2;
  const between = b.apply('Add', [scaled(b, coordinate, scale), b.scalar((extent - 1) / 2)]);
  const free = mode === 'nearest' ? b.apply('Round', [between]) : between;
  const places = {
    zeros: (): Place => ({ place: free }),
    border: () => limited(b, free, extent),
    reflection: () => mirrored(b, free, extent, alignCorners),
  };
  const { place, moves } = places[padding]();
  const pixels = b.constant(
    float32(
      [extent],
      Float32Array.from({ length: extent }, (_, i) => i),
    ),
  );
  const distance = b.apply('Sub', [place, pixels]);
  const weights = b.apply('Relu', [b.apply('Sub', [b.scalar(1), b.apply('Abs', [distance])])]);
  const downhill = scaled(b, b.apply('Sign', [distance]), -scale);
  const onHat = masked(b, b.apply('Greater', [weights, b.scalar(0)]), downhill);
  return { weights, slope: moves ? b.apply('Mul', [onHat, moves]) : onHat };
};

/** @throws RelearnError invalid/`no_gradient` for mode bicubic */
export const gridSampleGradient: GradientRule<'GridSample'> = ({
  builder: b,
  inputs,
  attributes,
  gradient,
  wanted,
}) => {
  const { mode } = attributes;
  if (mode === 'bicubic')
    throw new RelearnError(
      'invalid',
      'no_gradient',
      'GridSample that is bicubic has no gradient.',
      {
        hint: 'Freeze the weights before it.',
      },
    );
  const [x, grid] = [at(inputs, 0), at(inputs, 1)];
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const places = sizeOf(grid.shape.slice(1, 3));
  const reshape = (value: Value, shape: readonly number[]) =>
    b.apply('Reshape', [value], { shape });
  const [columns, rows] = [w, h].map((extent, index) => {
    const bounds = { starts: [index], ends: [index + 1], axes: [3], steps: [1] };
    const coordinate = reshape(b.apply('Slice', [grid], bounds), [n, places, 1]);
    return hats(b, coordinate, extent, attributes);
  }) as [Axis, Axis];
  /** [N, places, H, W] */
  const product = (ofRow: Value, ofColumn: Value) =>
    b.apply('Mul', [reshape(ofRow, [n, places, h, 1]), reshape(ofColumn, [n, places, 1, w])]);
  const ofPlaces = reshape(gradient, [n, c, places]);
  const ofPixels = () => {
    const matrix = reshape(product(rows.weights, columns.weights), [n, places, h * w]);
    return reshape(b.apply('MatMul', [ofPlaces, matrix]), x.shape);
  };
  const ofGrid = () => {
    // Of the nearest pixel's number a small step changes nothing.
    if (mode === 'nearest') return b.apply('Expand', [b.scalar(0)], { shape: grid.shape });
    const influence = b.apply('FusedMatMul', [ofPlaces, reshape(x, [n, c, h * w])], {
      transA: true,
      transB: false,
      alpha: 1,
    });
    const apart = reshape(influence, [n, places, h, w]);
    const along = (slopes: Value) =>
      b.apply('ReduceSum', [b.apply('Mul', [apart, slopes])], {
        axes: [2, 3],
        keepDimensions: false,
      });
    const parts = [
      along(product(rows.weights, columns.slope)),
      along(product(rows.slope, columns.weights)),
    ].map((part) => reshape(part, [n, places, 1]));
    return reshape(b.apply('Concat', parts, { axis: 2 }), grid.shape);
  };
  return [wanted(0) ? ofPixels() : undefined, wanted(1) ? ofGrid() : undefined];
};
