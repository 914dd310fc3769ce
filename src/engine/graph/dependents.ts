import type { Node, Value } from './graph.ts';

/** Every value that one of `sources` influences, the sources included. */
export const dependents = (nodes: readonly Node[], sources: Iterable<Value>): Set<Value> => {
  const reached = new Set(sources);
  for (const node of nodes) {
    if (node.inputs.some((input) => reached.has(input))) {
      for (const output of node.outputs) reached.add(output);
    }
  }
  return reached;
};
