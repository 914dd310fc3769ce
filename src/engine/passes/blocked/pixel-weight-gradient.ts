/**
 * The weight gradient of a convolution over large pictures: a convolution again, whose channels are
 * neighbouring pixels. The blocks of dY [N, K/b, P, Q, b] are, as they lie, the kernels of pictures
 * that are groups: b pixels of a row are the channels, the rest of the row and the rows are the
 * window. X, the rows of its channels laid side by side, is the picture that they move over, a
 * channel at a step. The kernel's rows come out as rows; for each of its columns dY is moved
 * sideways. Results lie side by side in dozens, where the other form has r·s of them at a time, so
 * what is read of dY is used more often; and any number of pictures will do. Bands of rows, further
 * channels whose results add up, keep the part of dY that is read again and again in the cache.
 */
import type { Node, Value } from '../../graph/graph.ts';
import type { Layout } from './layout.ts';
import { onePixelKernel } from './one-pixel-kernel.ts';

type Extents4 = readonly [number, number, number, number];

/** Pixels of a picture from which the form is the faster one. */
const leastPixels = 2048;

/** Columns that may be added to fill blocks, as a share of the columns. */
const mostAdded = 1 / 7;

/**
 * Numbers of a picture's dY that are taken at a time, as a band of rows whose convolutions add up:
 * half of what the second-level cache of usual processors holds.
 */
const mostInBand = 2 ** 17;

/** The least number of bands of equal rows of which each is small enough. */
const bandsOf = (rows: number, numbersInRow: number): number => {
  for (let bands = 1; bands < rows; bands++)
    if (rows % bands === 0 && (rows / bands) * numbersInRow <= mostInBand) return bands;
  return rows;
};

const wholeBlocks = (columns: number, block: number) => Math.ceil(columns / block) * block;

export const suitsPixelWeightGradient = (
  { inputs, attributes: { kernel, strides, dilations } }: Node<'ConvWeightGradient'>,
  blockSize: number,
): boolean => {
  const [[, k], [, , h, w]] = inputs.map(({ shape }) => shape) as [Extents4, Extents4];
  return (
    [...strides, ...dilations].every((step) => step === 1) &&
    kernel[1] > 1 &&
    k % blockSize === 0 &&
    h * w >= leastPixels &&
    wholeBlocks(w, blockSize) - w <= mostAdded * w
  );
};

/** @returns [K,C,r,s] in plain layout */
export const pixelWeightGradient = (
  { inputs, attributes: { kernel, pads } }: Node<'ConvWeightGradient'>,
  layout: Layout,
): Value => {
  const { builder: b, blockSize } = layout;
  const [gradient, x] = inputs as [Value, Value];
  const [n, c, h, w] = x.shape as Extents4;
  const [, k, p, q] = gradient.shape as Extents4;
  const [r, s] = kernel;
  const width = wholeBlocks(w, blockSize);
  const blocks = width / blockSize;

  const bands = bandsOf(p, k * width);
  const height = p / bands + r - 1;
  const padded = b.apply('Pad', [layout.plain(x)], {
    pads: [0, 0, pads[0], 0, 0, 0, pads[2], width - w],
  });
  const extent = h + pads[0] + pads[2];
  const indices = Array.from({ length: n * bands * height * c }, (_, i) => {
    const [channel, row] = [i % c, Math.floor(i / c) % height];
    const band = Math.floor(i / (c * height)) % bands;
    const picture = Math.floor(i / (c * height * bands));
    return (picture * c + channel) * extent + (band * p) / bands + row;
  });
  const rows = b.apply(
    'Gather',
    [b.apply('Reshape', [padded], { shape: [n * c * extent, width] })],
    {
      axis: 0,
      indices,
    },
  );
  const source = b.apply('Reshape', [rows], {
    shape: [1, n * bands * blockSize, height, c * blocks],
  });

  const columns = Array.from({ length: s }, (_, column) => {
    const moved = moveColumns(layout, layout.blocked(gradient), column - pads[1], width - q);
    const filters = b.apply('Reshape', [moved], {
      shape: [n * k, bands * blockSize, p / bands, blocks],
    });
    const product = b.apply('BlockedConv', [source, filters], {
      strides: [1, blocks],
      pads: [0, 0, 0, 0],
      dilations: [1, 1],
      group: n,
    });
    const ofPictures = b.apply('Reshape', [product], {
      shape: [n, k / blockSize, r, c, blockSize],
    });
    return b.apply('ReduceSum', [ofPictures], { axes: [0], keepDimensions: true });
  });
  const all = b.apply('Concat', columns, { axis: 0 });
  const filtersFirst = b.apply('Transpose', [all], { permutation: [1, 4, 3, 2, 0] });
  return b.apply('Reshape', [filtersFirst], { shape: [k, c, r, s] });
};

/**
 * Columns moved to the right and added after, zeros coming in: a convolution of each channel by
 * itself, whose kernel holds a single one. ONNX Runtime's Pad takes more than twice as long.
 */
const moveColumns = (layout: Layout, blocked: Value, by: number, added: number): Value => {
  if (by === 0 && added === 0) return blocked;
  const channels = blocked.shape[1] as number;
  const left = Math.max(0, -by);
  const take = onePixelKernel(layout, channels, [1, Math.abs(by) + 1], left);
  return layout.builder.apply('BlockedConv', [blocked, take], {
    strides: [1, 1],
    pads: [0, Math.max(0, by), 0, added + left],
    dilations: [1, 1],
    group: channels,
  });
};
