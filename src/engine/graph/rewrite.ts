/** The walk that passes share: each node is kept or replaced, and readers follow. */
import { GraphBuilder } from './builder.ts';
import type { Graph, Node, Value } from './graph.ts';

/**
 * @param prefix of the names of new values
 * @param replace the values that take the place of a node's outputs, in order, or undefined to keep
 *   the node; the node's inputs are already replaced
 */
export const rewrite = (
  graph: Graph,
  prefix: string,
  replace: (b: GraphBuilder, node: Node) => readonly Value[] | undefined,
): Graph => {
  const b = new GraphBuilder(prefix);
  const replacement = new Map<Value, Value>();
  const resolve = (value: Value): Value => replacement.get(value) ?? value;
  for (const original of graph.nodes) {
    const node = { ...original, inputs: original.inputs.map(resolve) };
    const values = replace(b, node);
    if (values === undefined) b.nodes.push(node);
    else
      values.forEach((value, i) => {
        replacement.set(node.outputs[i] as Value, value);
      });
  }
  return {
    ...graph,
    constants: new Map([...graph.constants, ...b.build().constants]),
    nodes: b.nodes,
    outputs: graph.outputs.map(({ name, value }) => ({ name, value: resolve(value) })),
  };
};
