/**
 * A convolution's window unrolled (im2col): the shifted copies of X that meet each kernel position,
 * stacked, so that the convolution and its weight gradient become matrix products.
 */
import type { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';
import type { ConvAttributes } from '../graph/ops.ts';

export interface Im2colOptions extends Pick<ConvAttributes, 'strides' | 'pads' | 'dilations'> {
  /** Rows and columns of the kernel. */
  readonly kernel: readonly [number, number];
  /** Rows and columns of the output. */
  readonly output: readonly [number, number];
}

/**
 * @param x [C, N, H, W]
 * @returns [r·s·C, N, P, Q], kernel position outermost
 */
export const im2col = (
  b: GraphBuilder,
  x: Value,
  { kernel, output, strides, pads, dilations }: Im2colOptions,
): Value => {
  const [p, q] = output;
  const padded = pads.some((pad) => pad !== 0)
    ? b.apply('Pad', [x], { pads: [0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3]] })
    : x;
  const whole = padded.shape[2] === p && padded.shape[3] === q;
  const shifts = Array.from({ length: kernel[0] * kernel[1] }, (_, i) => {
    const top = Math.floor(i / kernel[1]) * dilations[0];
    const left = (i % kernel[1]) * dilations[1];
    if (whole) return padded;
    return b.apply('Slice', [padded], {
      starts: [top, left],
      ends: [top + (p - 1) * strides[0] + 1, left + (q - 1) * strides[1] + 1],
      axes: [2, 3],
      steps: strides,
    });
  });
  return shifts.length === 1 ? (shifts[0] as Value) : b.apply('Concat', shifts, { axis: 0 });
};

/** Pixels of a picture up to which one product for the whole batch beats Conv (two cores). */
const smallUpTo = 36;

/** @param value [N,C,H,W] */
export const isSmallPicture = ({ shape }: Value): boolean =>
  (shape[2] as number) * (shape[3] as number) <= smallUpTo;

/** [N,C,H,W] ↔ [C,N,H,W]: with channels outermost, pictures and pixels are one inner dimension. */
export const swapBatchAndChannels = (b: GraphBuilder, value: Value): Value =>
  b.apply('Transpose', [value], { permutation: [1, 0, 2, 3] });
