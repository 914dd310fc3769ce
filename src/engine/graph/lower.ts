/**
 * From a graph as it is differentiated to one that can be written as ONNX, each operator in the form
 * that measured fastest: see docs/decisions on the speed of training.
 */
import { blockedLayout } from './blocked/blocked-layout.ts';
import { fuseBlocked } from './blocked/fuse-blocked.ts';
import type { Graph } from './graph.ts';
import { lowerPlain } from './lower-plain.ts';
import { simplify } from './simplify.ts';

export interface LowerOptions {
  /**
   * Channels in a block of ONNX Runtime's blocked layout on the machine that will run the graph, or
   * null to stay with plain layout, which runs everywhere.
   */
  readonly blockSize?: number | null;
}

export const lower = (graph: Graph, { blockSize = null }: LowerOptions = {}): Graph => {
  const simple = simplify(graph);
  const laidOut = blockSize === null ? simple : fuseBlocked(blockedLayout(simple, blockSize));
  return simplify(lowerPlain(laidOut));
};
