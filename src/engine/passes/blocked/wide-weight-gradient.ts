/**
 * The weight gradient of a convolution over pictures that lie side by side (side-by-side.ts): a
 * convolution again, whose channels are the pictures and whose picture is as wide as channels times
 * columns. The channel runs fastest, so that neighbouring results read neighbouring numbers and the
 * kernel, dY, is read once for many of them. Its columns lie a row of channels apart, which is its
 * dilation; rows beyond the picture's edge are left out, not multiplied by zero.
 */
import type { Node, Value } from '../../graph/graph.ts';
import type { Layout } from './layout.ts';
import { moveRows } from './move-rows.ts';

type Extents4 = readonly [number, number, number, number];

/** Halves of the channels, so that each of two threads has as much to do. */
const halves = 2;

/** One picture of X, wide by its margins, over whose columns the kernel goes in steps of pictures. */
export const suitsWideWeightGradient = (
  { inputs, attributes }: Node<'ConvWeightGradient'>,
  blockSize: number,
): boolean => {
  const [[, k, , q], [n, c, , w]] = inputs.map(({ shape }) => shape) as [Extents4, Extents4];
  const { kernel, strides, dilations, pads, group } = attributes;
  const pictures = dilations[1];
  return (
    n === 1 &&
    group === 1 &&
    kernel[1] > 1 &&
    strides.every((stride) => stride === 1) &&
    dilations[0] === 1 &&
    pads[1] === 0 &&
    pads[3] === 0 &&
    c % (halves * blockSize) === 0 &&
    [k, pictures].every((extent) => extent % blockSize === 0) &&
    [q, w].every((extent) => extent % pictures === 0)
  );
};

/** @returns [K,C,r,s] in plain layout */
export const wideWeightGradient = (
  { inputs, attributes }: Node<'ConvWeightGradient'>,
  layout: Layout,
): Value => {
  const { builder: b, blockSize } = layout;
  const [gradient, x] = inputs as [Value, Value];
  const [, k, p, q] = gradient.shape as Extents4;
  const [, c, h, w] = x.shape as Extents4;
  const { kernel, pads, dilations } = attributes;
  const pictures = dilations[1];
  const [blocks, columns, reached] = [pictures / blockSize, q / pictures, w / pictures];

  const channels = b.apply('Reshape', [layout.plain(x)], {
    shape: [halves, c / halves, h, reached, blocks, blockSize],
  });
  const source = b.apply('Reshape', [moveRows(b, channels, [0, 4, 2, 3, 1])], {
    shape: [halves, pictures, h, (reached * c) / halves],
  });

  // Pictures of a block and filters of a block lie together already.
  const gradients = b.apply('Reshape', [layout.blocked(gradient)], {
    shape: [k / blockSize, p, columns, blocks, blockSize * blockSize],
  });
  const filters = b.apply('Reshape', [moveRows(b, gradients, [0, 3, 1, 2])], {
    shape: [k, pictures, p, columns],
  });

  const product = b.apply('BlockedConv', [source, filters], {
    strides: [1, 1],
    pads,
    dilations: [1, c / halves],
    group: 1,
  }); // [2, K, r, s·C/2]
  // Out of blocks of filters, into blocks of channels and out of these: faster than Transpose.
  const positions = b.apply('Reshape', [b.apply('FromBlocked', [product])], {
    shape: [halves, k, kernel[0] * kernel[1], c / halves / blockSize, blockSize],
  });
  const inBlocks = b.apply('Reshape', [moveRows(b, positions, [1, 0, 3, 2])], {
    shape: [k, c, ...kernel],
  });
  return b.apply('FromBlocked', [inBlocks]);
};
