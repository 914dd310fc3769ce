/** Sums over the pictures of a batch and their pixels. */
import type { GraphBuilder } from './builder.ts';
import type { Value } from './graph.ts';

/** [N,C,H,W] → [C]. Rows first, then pictures: several times faster than all axes at once. */
export const sumOfChannels = (b: GraphBuilder, value: Value): Value => {
  const rows = b.apply('ReduceSum', [value], { axes: [2, 3], keepDimensions: false });
  return b.apply('ReduceSum', [rows], { axes: [0], keepDimensions: false });
};
