/**
 * The weight gradient of a convolution is a convolution again: of X with the channels as its batch
 * and the pictures as its channels, by dY as a kernel as large as a picture; the forward strides are
 * its dilations and the other way round. In blocked layout, with the margin added before so that no
 * pixel is a special case, this form runs as fast as the forward one. The channels of a block stay
 * beside each other in the rows, as they lie, and columns of the kernel reach a block of them on: so
 * X is rearranged once, and rows of results are a block times as long.
 */
import type { Node, Value } from '../../graph/graph.ts';
import type { Layout } from './layout.ts';
import { moveRows } from './move-rows.ts';
import { pixelWeightGradient, suitsPixelWeightGradient } from './pixel-weight-gradient.ts';
import { isOfFewChannels, unrolledWeightProduct } from './unrolled-weight-product.ts';
import { suitsWideWeightGradient, wideWeightGradient } from './wide-weight-gradient.ts';

type Extents4 = readonly [number, number, number, number];

/** @returns [K,C,r,s] in plain layout; undefined where another form is better */
export const blockedWeightGradient = (
  node: Node<'ConvWeightGradient'>,
  layout: Layout,
): Value | undefined => {
  const { builder: b, blockSize } = layout;
  const [gradient, x] = node.inputs as [Value, Value];
  const { kernel, strides, dilations, pads } = node.attributes;
  const [n, c, h, w] = x.shape as Extents4;
  const [, k, p, q] = gradient.shape as Extents4;
  if (k % blockSize === 0 && isOfFewChannels(node)) return unrolledWeightProduct(node, layout);
  if (suitsWideWeightGradient(node, blockSize)) return wideWeightGradient(node, layout);
  if (suitsPixelWeightGradient(node, blockSize)) return pixelWeightGradient(node, layout);
  // One pixel's weight gradient is a matrix product.
  const pointwise = kernel[0] === 1 && kernel[1] === 1;
  if (pointwise || n % blockSize !== 0 || k % blockSize !== 0) return;

  /** Channels beside each other in a row. */
  const lanes = c % blockSize === 0 && dilations[1] === 1 ? blockSize : 1;
  const groups = c / lanes;
  const pictures = n / blockSize;
  const asItLies = lanes === 1 ? layout.plain(x) : layout.blocked(x);
  const innermost = b.apply('ToBlocked', [
    b.apply('Reshape', [asItLies], { shape: [1, n, c * h * w, 1] }),
  ]);
  const grouped = b.apply('Reshape', [innermost], {
    shape: [pictures, groups, h * w * lanes * blockSize],
  });
  const groupsFirst = moveRows(b, grouped, [1, 0]);
  // Exactly as many pixels as the r·s results read; a negative margin cuts.
  const reach = (axis: 0 | 1, outputs: number) =>
    (kernel[axis] - 1) * dilations[axis] + (outputs - 1) * strides[axis] + 1;
  const [height, width] = [reach(0, p), reach(1, q)];
  const margins = [0, pads[0], pads[1], 0, 0, height - h - pads[0], width - w - pads[1], 0];
  const padded = b.apply(
    'Pad',
    [b.apply('Reshape', [groupsFirst], { shape: [groups * pictures, h, w, lanes * blockSize] })],
    { pads: margins },
  );
  const source = b.apply('Reshape', [padded], { shape: [groups, n, height, width * lanes] });

  const blocks = b.apply('Reshape', [layout.blocked(gradient)], {
    shape: [pictures, blockSize, k / blockSize, p * q, blockSize],
  });
  const pixelsFirst = moveRows(b, blocks, [2, 0, 3, 1]);
  const filters = b.apply('Reshape', [pixelsFirst], { shape: [k, n, p, q] });

  const product = b.apply('BlockedConv', [source, filters], {
    strides: dilations,
    dilations: [strides[0], strides[1] * lanes],
    pads: [0, 0, 0, 0],
    group: 1,
  }); // [C / lanes, K, r, s · lanes]
  const plain = b.apply('FromBlocked', [product]);
  if (lanes === 1) return b.apply('Transpose', [plain], { permutation: [1, 0, 2, 3] });
  const positions = b.apply('Reshape', [plain], {
    shape: [groups, k, kernel[0] * kernel[1], lanes],
  });
  const inBlocks = b.apply('Reshape', [moveRows(b, positions, [1, 0, 2])], {
    shape: [k, c, ...kernel],
  });
  return b.apply('FromBlocked', [inBlocks]);
};
