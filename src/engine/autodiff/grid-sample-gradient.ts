/**
 * The gradient of looking at a picture through a grid (Jaderberg et al. 2015). Between its neighbours
 * a place reads with weights that fall linearly to zero over one pixel: hats, one along the rows and
 * one along the columns, whose products are a matrix from pixels to places.
 */
import { RelearnError } from '../../base/errors.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';
import { sizeOf } from '../tensor/shape.ts';
import { float32 } from '../tensor/tensor.ts';
import { at, type GradientRule, masked, scaled } from './gradient-rules/gradient-rule.ts';

interface Axis {
  /** [N, places, extent], and its slope in the grid's coordinate. */
  readonly weights: Value;
  readonly slope: Value;
}

/** @param coordinate [N, places, 1] */
const hats = (
  b: GraphBuilder,
  coordinate: Value,
  extent: number,
  { alignCorners, padding }: { readonly alignCorners: boolean; readonly padding: string },
): Axis => {
  const scale = (alignCorners ? extent - 1 : extent) / 2;
  const free = b.apply('Add', [scaled(b, coordinate, scale), b.scalar((extent - 1) / 2)]);
  const isBorder = padding === 'border';
  const place = isBorder ? b.apply('Clip', [free], { min: 0, max: extent - 1 }) : free;
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
  if (!isBorder) return { weights, slope: onHat };
  const moves = b.apply('Equal', [place, free]);
  return { weights, slope: masked(b, moves, onHat) };
};

/** @throws RelearnError invalid/`no_gradient` for other modes than bilinear, and for reflection */
export const gridSampleGradient: GradientRule<'GridSample'> = ({
  builder: b,
  inputs,
  attributes,
  gradient,
  wanted,
}) => {
  const { mode, padding } = attributes;
  if (mode !== 'bilinear' || padding === 'reflection')
    throw new RelearnError(
      'invalid',
      'no_gradient',
      `GridSample that is ${mode} with padding by ${padding} has no gradient.`,
      { hint: 'Freeze the weights before it.' },
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
