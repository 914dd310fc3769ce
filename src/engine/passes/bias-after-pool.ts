/**
 * A bias before a max pool may as well be added after it, to a quarter of the numbers. Done for
 * convolutions of a single channel alone, whose results are computed once more on the way back
 * instead of being kept (blocked/blocked-max-pool-gradient.ts): without the bias, and without sums
 * over several channels, a result less the pooled one is exactly zero where they are the same pixel.
 */

import type { Graph, Node, Value } from '../graph/graph.ts';
import { rewrite } from '../graph/rewrite.ts';
import { float32 } from '../tensor/tensor.ts';
import { hasFewChannels } from './blocked/unrolled-weight-product.ts';

export const biasAfterPool = (graph: Graph): Graph => {
  const readers = new Map<Value, Node[]>();
  for (const node of graph.nodes)
    for (const value of node.inputs) readers.set(value, [...(readers.get(value) ?? []), node]);
  const outputs = new Set(graph.outputs.map(({ value }) => value));
  const isRead = (value: Value | undefined) =>
    value !== undefined && (outputs.has(value) || readers.has(value));
  const suits = ({ op, inputs, outputs: [y] }: Node): boolean => {
    const [x, kernel, bias] = inputs as [Value, Value, Value?];
    const pools = readers.get(y as Value)?.filter((reader) => reader.op === 'MaxPool') ?? [];
    const others = readers.get(y as Value)?.filter((reader) => !pools.includes(reader)) ?? [];
    return (
      op === 'Conv' &&
      bias !== undefined &&
      x.shape[1] === 1 &&
      hasFewChannels(x, kernel.shape.slice(2)) &&
      !outputs.has(y as Value) &&
      pools.length === 1 &&
      !isRead(pools[0]?.outputs[1]) &&
      others.every((reader) => reader.op === 'MaxPoolGradient' && reader.inputs[0] !== y)
    );
  };
  const convolutions = new Set(graph.nodes.filter(suits).map(({ outputs: [y] }) => y as Value));
  const biases = new Map<Value, Value>();
  const pooled = new Map<Value, Value>();
  return rewrite(graph, 'unbiased_', (b, node) => {
    const [x] = node.inputs as [Value];
    if (convolutions.has(node.outputs[0] as Value)) {
      const { attributes, inputs } = node as Node<'Conv'>;
      const y = b.apply('Conv', inputs.slice(0, 2), attributes);
      biases.set(y, inputs[2] as Value);
      return [y];
    }
    const bias = biases.get(x);
    if (node.op === 'MaxPool' && bias) {
      const y = b.apply('MaxPool', [x], (node as Node<'MaxPool'>).attributes);
      const ones = b.constant(
        float32(bias.shape, new Float32Array(bias.shape[0] as number).fill(1)),
      );
      const shifted = b.apply('ScaleShift', [y, ones, bias]);
      pooled.set(shifted, y);
      return [shifted];
    }
    const raw = pooled.get(node.inputs[2] as Value);
    if (node.op === 'MaxPoolGradient' && raw) {
      const { attributes, inputs } = node as Node<'MaxPoolGradient'>;
      return [b.apply('MaxPoolGradient', inputs.with(2, raw), attributes)];
    }
    return undefined;
  });
};
