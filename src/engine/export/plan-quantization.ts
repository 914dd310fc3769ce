/**
 * Decides what of a graph is computed in int8: the nodes, and the values between them that are
 * rounded. A value is rounded once, behind the activation that follows its node where there is one,
 * because ONNX Runtime merges ReLU and Clip into the rounding.
 */
import type { OnnxGraph, OnnxNode } from '../../formats/onnx.ts';
import { type GraphIndex, indexGraph, integerAttribute, onlyReader } from './graph-index.ts';

export interface QuantizationPlan {
  /** Nodes with weights, and along which axis of the weight their output channels lie. */
  readonly weighted: ReadonlyMap<OnnxNode, number>;
  /** Rounded value → the value whose range it takes: itself, unless it is only moved around. */
  readonly rounded: ReadonlyMap<string, string>;
}

/** The axis of output channels where a node multiplies by a constant weight in a form int8 has. */
const weightAxis: Readonly<Record<string, (node: OnnxNode) => number | undefined>> = {
  Conv: () => 0,
  MatMul: () => 1,
  Gemm: (node) =>
    integerAttribute(node, 'transA', 0) === 0 ? 1 - integerAttribute(node, 'transB', 0) : undefined,
};

/** Computed in int8 as well, so that the layers around them need not leave it. */
const withoutWeights = new Set(['Add', 'Concat', 'GlobalAveragePool', 'AveragePool']);

/** These choose or move numbers and change none: what goes in and comes out has one range. */
const moving = new Set(['MaxPool', 'Reshape', 'Flatten', 'Transpose']);

const merged = new Set(['Relu', 'Clip']);

/** The value in which a node's result is rounded. */
const resultOf = (index: GraphIndex, node: OnnxNode): string => {
  const output = node.output[0] as string;
  const next = onlyReader(index, output);
  return next && merged.has(next.opType) ? (next.output[0] as string) : output;
};

/** The values that lead to one of these nodes. */
const valuesBefore = (graph: OnnxGraph, nodes: ReadonlySet<OnnxNode>): ReadonlySet<string> => {
  const before = new Set<string>();
  for (const node of [...graph.node].reverse())
    if (nodes.has(node) || node.output.some((value) => before.has(value)))
      for (const value of node.input) before.add(value);
  return before;
};

/**
 * The last layer with weights, the head, stays in float32, and so does what follows it: there the
 * answers are made, and it costs next to nothing.
 */
export const planQuantization = (graph: OnnxGraph): QuantizationPlan => {
  const index = indexGraph(graph);
  const isConstant = constantValues(graph);
  const layers = new Map<OnnxNode, number>();
  for (const node of graph.node) {
    const axis = weightAxis[node.opType]?.(node);
    if (axis === undefined || !index.weight(node.input[1])) continue;
    if (!isConstant(node.input[0] as string)) layers.set(node, axis);
  }
  const before = valuesBefore(graph, new Set(layers.keys()));
  const isBefore = (node: OnnxNode) => node.output.some((value) => before.has(value));
  const weighted = new Map([...layers].filter(([node]) => isBefore(node)));

  const sources = new Map<string, string>();
  const round = (value: string): void => {
    if (sources.has(value) || isConstant(value) || index.isOutput(value)) return;
    sources.set(value, value);
    const node = index.producer.get(value);
    if (!node || !moving.has(node.opType) || node.output.length > 1) return;
    const [input = ''] = node.input;
    round(input);
    sources.set(value, sources.get(input) ?? value);
  };
  for (const node of graph.node) {
    if (weighted.has(node)) round(node.input[0] as string);
    else if (withoutWeights.has(node.opType) && isBefore(node) && !node.input.some(isConstant))
      node.input.forEach(round);
    else continue;
    round(resultOf(index, node));
  }
  return { weighted, rounded: sources };
};

/** Values that no picture changes. */
const constantValues = (graph: OnnxGraph) => {
  const inputs = new Set(graph.input.map(({ name }) => name));
  const constant = new Set(graph.initializer.map(({ name }) => name ?? ''));
  for (const name of inputs) constant.delete(name);
  for (const node of graph.node)
    if (node.input.every((value) => value === '' || constant.has(value)))
      for (const value of node.output) constant.add(value);
  return (value: string) => constant.has(value);
};
