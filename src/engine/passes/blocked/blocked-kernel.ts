/** A convolution's kernel in blocked layout, out of the weight as it is kept, [K,C,r,s]. */
import type { Value } from '../../graph/graph.ts';
import type { Layout } from './layout.ts';
import { moveRows } from './move-rows.ts';

type Extents4 = readonly [number, number, number, number];

/**
 * Reading the kernel's filters as pictures, the operator that blocks channels blocks them too; a
 * second time, with the filters of a block as channels, it brings the filters innermost. ONNX
 * Runtime's Transpose takes seven times as long for the same.
 * @returns [K/b, C/b, r, s, b, b], or [K/b, C, r, s, b] for fewer channels than a block
 */
export const blockedKernel = (weight: Value, layout: Layout): Value => {
  const { builder: b, blockSize } = layout;
  const turned = layout.producer(weight);
  if (turned?.op === 'FlipKernel') {
    const original = turned.inputs[0] as Value;
    if (original.shape.slice(0, 2).every((extent) => extent % blockSize === 0))
      return flippedKernel(layout.plain(original), layout);
  }
  const [k, c, r, s] = weight.shape as Extents4;
  const plain = layout.plain(weight);
  const channels = c < blockSize ? plain : b.apply('ToBlocked', [plain]);
  const filters = b.apply('Reshape', [channels], {
    shape: [k / blockSize, blockSize, c * r * s, 1],
  });
  return b.apply('Reshape', [b.apply('ToBlocked', [filters])], { shape: weight.shape });
};

/** The kernel of the way back: with blocked channels only whole blocks have to change places. */
const flippedKernel = (weight: Value, { builder: b, blockSize }: Layout): Value => {
  const [k, c, r, s] = weight.shape as Extents4;
  const blocks = b.apply('Reshape', [b.apply('ToBlocked', [weight])], {
    shape: [k / blockSize, blockSize, c / blockSize, r * s, blockSize],
  });
  const swapped = moveRows(b, blocks, [2, 0, 3, 1], 3);
  return b.apply('Reshape', [swapped], { shape: [c, k, r, s] });
};
