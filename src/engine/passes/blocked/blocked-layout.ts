/**
 * Rewrites a graph so that pictures flow in ONNX Runtime's blocked layout wherever convolutions
 * read or write them. Its convolutions there are about twice as fast as those in plain layout with
 * a kernel that is not a constant, elementwise work does not care about the layout, and a scale and
 * shift for each channel becomes one pass. Where a node knows only plain layout, its inputs are
 * laid out plainly again.
 */

import { GraphBuilder } from '../../graph/builder.ts';
import type { Graph, Value } from '../../graph/graph.ts';
import type { OpType } from '../../graph/ops.ts';
import { createTwoLayouts } from '../two-layouts.ts';
import { blockedRules } from './blocked-rules.ts';
import type { BlockedRule, Layout } from './layout.ts';

export const blockedLayout = (graph: Graph, blockSize: number): Graph => {
  const builder = new GraphBuilder('blocked_');
  const { isOther, other, plain, put } = createTwoLayouts(
    (value) => builder.apply('ToBlocked', [value]),
    (blocked) => builder.apply('FromBlocked', [blocked]),
  );
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((v) => [v, node])));
  const read = new Set(graph.nodes.flatMap(({ inputs }) => inputs));
  const layout: Layout = {
    builder,
    blockSize,
    isBlocked: isOther,
    blocked: other,
    plain,
    producer: (value) => producers.get(value),
    isRead: (value) => read.has(value),
  };
  for (const node of graph.nodes) {
    const rule = blockedRules[node.op] as BlockedRule<OpType> | undefined;
    const made = rule?.(node, layout);
    if (made === undefined) {
      builder.nodes.push({ ...node, inputs: node.inputs.map(plain) });
      continue;
    }
    made.forEach(({ value, isBlocked }, i) => {
      put(node.outputs[i] as Value, value, isBlocked);
    });
  }
  const outputs = graph.outputs.map(({ name, value }) => ({ name, value: plain(value) }));
  return {
    ...graph,
    constants: new Map([...graph.constants, ...builder.build().constants]),
    nodes: builder.nodes,
    outputs,
  };
};
