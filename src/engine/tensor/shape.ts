/** Shapes of dense, row-major tensors and the arithmetic on them. */
import { RelearnError } from '../../base/errors.ts';

export type Shape = readonly number[];

export const sizeOf = (shape: Shape): number => shape.reduce((size, extent) => size * extent, 1);

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((extent, axis) => extent === b[axis]);

/**
 * The common shape of operands under ONNX's multidirectional broadcasting (NumPy's rules).
 * @throws RelearnError internal/`shape_mismatch`
 */
export const broadcastShapes = (a: Shape, b: Shape): Shape => {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw new RelearnError(
        'internal',
        'shape_mismatch',
        `shapes [${a}] and [${b}] do not broadcast: ${left} against ${right}`,
      );
    }
    return left === 1 ? right : left;
  });
};

/** The axes of `wide` along which a value of shape `narrow` was repeated. */
export const broadcastAxes = (narrow: Shape, wide: Shape): number[] =>
  wide.flatMap((extent, axis) => {
    const own = narrow[axis - wide.length + narrow.length] ?? 1;
    const missing = axis < wide.length - narrow.length;
    return missing || (own === 1 && extent !== 1) ? [axis] : [];
  });

/** Counts negative axes from the end, sorted ascending. */
export const normalizeAxes = (axes: readonly number[], rank: number): number[] =>
  axes.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);
