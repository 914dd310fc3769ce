/** From a picture's bytes, as loaders hand them out, to a network's input. */
import type { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';

/** uint8 [N,H,W,C] → float32 [N,C,H,W] in 0..1: a quarter of the bytes cross from JavaScript. */
export const imagesFromPixels = (b: GraphBuilder, pixels: Value): Value => {
  const [n, h, w, c] = pixels.shape as [number, number, number, number];
  const channelsFirst =
    c === 1
      ? b.apply('Reshape', [pixels], { shape: [n, 1, h, w] })
      : b.apply('Transpose', [pixels], { permutation: [0, 3, 1, 2] });
  return b.apply('Mul', [b.apply('Cast', [channelsFirst], { to: 'float32' }), b.scalar(1 / 255)]);
};
