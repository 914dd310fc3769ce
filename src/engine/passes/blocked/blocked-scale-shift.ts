/** A scale and shift for each channel: a convolution of every channel by itself, one pixel large. */
import type { Value } from '../../graph/graph.ts';
import type { Layout } from './layout.ts';

export const blockedScaleShift = (
  { builder: b }: Layout,
  x: Value,
  scale: Value,
  ...shift: readonly Value[]
): Value => {
  const [channels] = scale.shape as [number];
  const kernel = b.apply('Reshape', [scale], { shape: [channels, 1, 1, 1] });
  return b.apply('BlockedConv', [x, kernel, ...shift], {
    strides: [1, 1],
    pads: [0, 0, 0, 0],
    dilations: [1, 1],
    group: channels,
  });
};
