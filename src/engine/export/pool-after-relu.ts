/**
 * Puts ReLU before the max pool that it follows. Both orders give the same values; in training the
 * pool goes first because it leaves less to do, in int8 ReLU goes first because it then vanishes
 * into the convolution's own rounding.
 */
import type { OnnxGraph, OnnxNode } from '../../formats/onnx.ts';
import { indexGraph, onlyReader } from './graph-index.ts';

export const poolAfterRelu = (graph: OnnxGraph): OnnxGraph => {
  const index = indexGraph(graph);
  const swapped = new Map<OnnxNode, OnnxNode>();
  for (const pool of graph.node) {
    if (pool.opType !== 'MaxPool' || pool.output.length > 1) continue;
    const [input = ''] = pool.input;
    const [pooled = ''] = pool.output;
    const relu = onlyReader(index, pooled);
    if (relu?.opType !== 'Relu') continue;
    // The nodes trade places and keep the order in which the graph runs them.
    swapped.set(pool, { ...relu, input: [input], output: [`${pooled}/relu`] });
    swapped.set(relu, { ...pool, input: [`${pooled}/relu`], output: relu.output });
  }
  return { ...graph, node: graph.node.map((node) => swapped.get(node) ?? node) };
};
