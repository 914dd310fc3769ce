/** Grids through which a picture is looked at. */
import { float32 } from '../../tensor/tensor.ts';
import { unary } from './lowering.ts';

export interface AffineGridAttributes {
  readonly height: number;
  readonly width: number;
  /** Whether ±1 are the centres of the outer pixels, not their outer edges. */
  readonly alignCorners: boolean;
}

export const samplingLowerings = {
  /** Every pixel's place turned and moved by a picture's own matrix: [N,2,3] → [N,H,W,2]. */
  AffineGrid: unary<AffineGridAttributes>((b, matrices, { height, width, alignCorners }) => {
    const along = (place: number, extent: number) =>
      alignCorners && extent > 1 ? (2 * place) / (extent - 1) - 1 : (2 * place + 1) / extent - 1;
    const places = Array.from({ length: height * width }, (_, i) => [
      along(i % width, width),
      along(Math.floor(i / width), height),
      1,
    ]);
    const base = b.constant(float32([1, height * width, 3], Float32Array.from(places.flat())));
    const grid = b.apply('FusedMatMul', [base, matrices], {
      transA: false,
      transB: true,
      alpha: 1,
    });
    return b.apply('Reshape', [grid], { shape: [matrices.shape[0] as number, height, width, 2] });
  }),
};
