/**
 * The graph that answers: `images` float32 [N,C,H,W] in 0..1 to `logits` [N, classes]. Built by the
 * same function as the training graph, so the two cannot disagree about the network.
 */
import { GraphBuilder } from '../graph/builder.ts';
import type { Graph } from '../graph/graph.ts';
import { simplify } from '../graph/simplify.ts';
import type { Architecture } from './architectures.ts';
import { createContext } from './layers.ts';

export const buildServingGraph = (
  architecture: Architecture,
  { classes, imageSize, batchSize = 1 }: { classes: number; imageSize: number; batchSize?: number },
): Graph => {
  const b = new GraphBuilder();
  const context = createContext(b, false);
  const shape = [batchSize, architecture.channels, imageSize, imageSize];
  const logits = architecture.build(context, b.input('images', 'float32', shape), classes);
  b.output('logits', logits);
  return simplify(b.build());
};
