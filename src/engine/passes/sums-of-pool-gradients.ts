/**
 * A pool hands each number of its gradient to a pixel or divides it among several, so that the sum
 * over all pixels, which a bias before the pool wants, is the sum of what it was given: a quarter of
 * the numbers, or fewer.
 */
import type { Graph, Node, Value } from '../graph/graph.ts';
import { rewrite } from '../graph/rewrite.ts';

export const sumsOfPoolGradients = (graph: Graph): Graph => {
  const given = new Map<Value, Value>();
  for (const { op, inputs, outputs } of graph.nodes)
    if (op === 'MaxPoolGradient') given.set(outputs[0] as Value, inputs[0] as Value);
  return rewrite(graph, 'summed_', (b, node) => {
    if (node.op !== 'ReduceSum') return undefined;
    const { attributes, inputs } = node as Node<'ReduceSum'>;
    const gradient = given.get(inputs[0] as Value);
    if (gradient === undefined || ![2, 3].every((axis) => attributes.axes.includes(axis)))
      return undefined;
    return [b.apply('ReduceSum', [gradient], attributes)];
  });
};
