/** The graph that turns pictures into a backbone's features: `pixels` uint8 [N,H,W,C] in. */
import { GraphBuilder } from '../graph/builder.ts';
import type { Graph } from '../graph/graph.ts';
import { simplify } from '../graph/simplify.ts';
import { imagesFromPixels } from './images-from-pixels.ts';
import { type Backbone, replay } from './transfer.ts';

/** Output: `features` [batch, featureCount]. */
export const buildFeatureGraph = (backbone: Backbone, batch: number): Graph => {
  const b = new GraphBuilder();
  const { imageSize, channels } = backbone;
  const pixels = b.input('pixels', 'uint8', [batch, imageSize, imageSize, channels]);
  b.output('features', replay(b, backbone.graph(batch), imagesFromPixels(b, pixels)));
  return simplify(b.build());
};
