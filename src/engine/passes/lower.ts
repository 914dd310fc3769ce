/**
 * From a graph as it is differentiated to one that can be written as ONNX, each operator in the form
 * that measured fastest: see docs/decisions on the speed of training.
 */

import type { Graph, Value } from '../graph/graph.ts';
import { simplify } from '../graph/simplify.ts';
import { biasAfterPool } from './bias-after-pool.ts';
import { blockedLayout } from './blocked/blocked-layout.ts';
import { fuseBlocked } from './blocked/fuse-blocked.ts';
import { firstLayerProducts } from './first-layer-products.ts';
import { lowerPlain } from './lower-plain.ts';
import { sideBySide } from './side-by-side.ts';
import { splitBatch } from './split-batch.ts';
import { statisticsOfBatch } from './statistics-of-batch.ts';
import { sumsOfPoolGradients } from './sums-of-pool-gradients.ts';

export interface LowerOptions {
  /**
   * Channels in a block of ONNX Runtime's blocked layout on the machine that will run the graph, or
   * null to stay with plain layout, which runs everywhere.
   */
  readonly blockSize?: number | null;
  /** Inputs whose first axis is the batch; where pictures are large, it is worked through in parts. */
  readonly batch?: readonly Value[];
}

export const lower = (graph: Graph, { blockSize = null, batch = [] }: LowerOptions = {}): Graph => {
  const simple = simplify(sumsOfPoolGradients(graph));
  if (blockSize === null) return simplify(lowerPlain(simple));
  const statistics = simplify(statisticsOfBatch(biasAfterPool(simple)));
  const divided = splitBatch(simplify(firstLayerProducts(statistics, blockSize)), batch);
  const laidOut = simplify(sideBySide(divided, blockSize));
  return simplify(lowerPlain(fuseBlocked(blockedLayout(laidOut, blockSize))));
};
