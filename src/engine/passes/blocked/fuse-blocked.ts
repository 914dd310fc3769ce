/**
 * Lets a blocked convolution do the addition and the ReLU that follow it: both then cost no pass of
 * their own. Only where nobody else reads what comes in between.
 */

import type { GraphBuilder } from '../../graph/builder.ts';
import type { Graph, Node, Value } from '../../graph/graph.ts';
import { rewrite } from '../../graph/rewrite.ts';
import { sameShape } from '../../tensor/shape.ts';
import { noBias } from './no-bias.ts';

type BlockedConv = Node<'BlockedConv'>;

export const fuseBlocked = (graph: Graph): Graph =>
  fuse(fuse(graph, 'added_', addition), 'activated_', activation);

/** The node that takes the place of a reader of `convolution`, or undefined. */
type Fusion = (
  b: GraphBuilder,
  reader: Node,
  convolution: BlockedConv,
  position: number,
) => Value | undefined;

const fuse = (graph: Graph, prefix: string, fusion: Fusion): Graph => {
  const readers = new Map<Value, number>();
  const count = (value: Value) => readers.set(value, (readers.get(value) ?? 0) + 1);
  for (const node of graph.nodes) node.inputs.forEach(count);
  for (const { value } of graph.outputs) count(value);
  const convolutions = new Map<Value, BlockedConv>();
  return rewrite(graph, prefix, (b, node) => {
    if (node.op === 'BlockedConv') convolutions.set(node.outputs[0] as Value, node as BlockedConv);
    for (let i = node.inputs.length - 1; i >= 0; i--) {
      const input = node.inputs[i] as Value;
      const convolution = convolutions.get(input);
      if (convolution === undefined || readers.get(input) !== 1) continue;
      const value = fusion(b, node, convolution, i);
      if (value) return [value];
    }
    return undefined;
  });
};

const addition: Fusion = (b, reader, { inputs, attributes }, position) => {
  const [x, kernel, bias] = inputs as [Value, Value, Value?];
  const other = reader.inputs[1 - position];
  const output = reader.outputs[0] as Value;
  if (reader.op !== 'Add' || attributes.activation || inputs.length > 3) return undefined;
  if (other === undefined || !sameShape(other.shape, output.shape)) return undefined;
  const filters = kernel.shape[0] as number;
  return b.apply('BlockedConv', [x, kernel, bias ?? noBias(b, filters), other], attributes);
};

const activation: Fusion = (b, reader, { inputs, attributes }) =>
  reader.op === 'Relu' && !attributes.activation
    ? b.apply('BlockedConv', inputs, { ...attributes, activation: 'Relu' })
    : undefined;
