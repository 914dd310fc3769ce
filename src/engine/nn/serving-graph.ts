/**
 * The graph that answers: `images` float32 [N,C,H,W] in 0..1 to `logits` [N, classes]. Built by the
 * same function as the training graph, so the two cannot disagree about the network.
 */
import { GraphBuilder } from '../graph/builder.ts';
import type { Graph } from '../graph/graph.ts';
import { simplify } from '../graph/simplify.ts';
import type { Architecture } from './architectures.ts';
import { createContext } from './layers.ts';
import { plainReadout, type Readout, readOut } from './readout.ts';

export interface ServingGraphOptions {
  readonly classes: number;
  readonly imageSize: number;
  readonly batchSize?: number;
  /** Default: the network's own logits. */
  readonly readout?: Readout;
}

export const buildServingGraph = (
  architecture: Architecture,
  { classes, imageSize, batchSize = 1, readout = plainReadout }: ServingGraphOptions,
): Graph => {
  const b = new GraphBuilder();
  const context = createContext(b, false);
  const shape = [batchSize, architecture.channels, imageSize, imageSize];
  const logits = readOut(b, b.input('images', 'float32', shape), readout, (images) =>
    architecture.build(context, images, classes),
  );
  b.output('logits', logits);
  return simplify(b.build());
};
