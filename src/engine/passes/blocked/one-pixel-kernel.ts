/**
 * The kernel, in blocked layout, of a convolution of each channel by itself that takes one pixel of
 * its window: it moves pictures or picks from them in one pass.
 */

import type { Value } from '../../graph/graph.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { float32 } from '../../tensor/tensor.ts';
import type { Layout } from './layout.ts';

/**
 * @param size rows and columns of the window
 * @param pixel which of them is taken, counted row by row
 * @param factor what it is multiplied by
 */
export const onePixelKernel = (
  { builder: b, blockSize }: Layout,
  channels: number,
  size: readonly [number, number],
  pixel: number,
  factor = 1,
): Value => {
  // In blocks: [channels / b, 1, rows, columns, b].
  const kernel = new Float32Array(channels * sizeOf(size));
  for (let i = 0; i < kernel.length; i++)
    if (Math.floor(i / blockSize) % sizeOf(size) === pixel) kernel[i] = factor;
  return b.constant(float32([channels, 1, ...size], kernel), 'one_pixel');
};
