/**
 * Graph → smaller graph with the same outputs: nodes nobody reads go, equal nodes and constants become
 * one, and a few identities vanish. ONNX Runtime folds constants and fuses kernels itself; what stands
 * here is what it misses or what keeps printed graphs readable.
 */
import { sameShape } from '../tensor/shape.ts';
import type { Graph, Node, Value } from './graph.ts';

/** Rewrites of a node whose first output equals an existing value. */
const sameAs = (
  graph: Graph,
  node: Node,
  producer: ReadonlyMap<Value, Node>,
): Value | undefined => {
  const [input, second] = node.inputs as readonly [Value, Value | undefined];
  const output = node.outputs[0] as Value;
  const isScalar = (value: Value | undefined, number: number) => {
    const tensor = value && graph.constants.get(value);
    return tensor?.data.length === 1 && Number(tensor.data[0]) === number;
  };
  const keepsShape = sameShape(input.shape, output.shape);
  switch (node.op) {
    case 'Mul':
    case 'Div':
      return keepsShape && isScalar(second, 1) ? input : undefined;
    case 'Add':
    case 'Sub':
      return keepsShape && isScalar(second, 0) ? input : undefined;
    case 'Reshape':
    case 'Expand':
      return keepsShape ? input : undefined;
    case 'Cast':
      return input.dtype === output.dtype ? input : undefined;
    case 'Neg': {
      const before = producer.get(input);
      return before?.op === 'Neg' ? before.inputs[0] : undefined;
    }
    case 'Transpose': {
      const { permutation } = (node as Node<'Transpose'>).attributes;
      if (permutation.every((axis, index) => axis === index)) return input;
      const before = producer.get(input) as Node<'Transpose'> | undefined;
      if (before?.op !== 'Transpose') return undefined;
      const composed = permutation.map((axis) => before.attributes.permutation[axis]);
      return composed.every((axis, index) => axis === index) ? before.inputs[0] : undefined;
    }
    default:
      return undefined;
  }
};

/** Bytes up to which constants are compared: passes write small ones again and again. */
const comparedUpTo = 2 ** 14;

/** Of constants with the same bytes, the first. */
const equalConstants = ({ constants }: Graph): Map<Value, Value> => {
  const firsts = new Map<string, Value>();
  const replacement = new Map<Value, Value>();
  for (const [value, { dtype, shape, data }] of constants) {
    if (data.byteLength > comparedUpTo) continue;
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
    const key = `${dtype}[${shape}]${bytes}`;
    const first = firsts.get(key);
    if (first) replacement.set(value, first);
    else firsts.set(key, value);
  }
  return replacement;
};

export const simplify = (graph: Graph): Graph => {
  const replacement = equalConstants(graph);
  const resolve = (value: Value): Value => replacement.get(value) ?? value;
  const producer = new Map<Value, Node>();
  const known = new Map<string, Node>();
  const merged: Node[] = [];
  for (const original of graph.nodes) {
    const node = { ...original, inputs: original.inputs.map(resolve) };
    const same = sameAs(graph, node, producer);
    if (same) {
      replacement.set(original.outputs[0] as Value, same);
      continue;
    }
    const key = `${node.op}(${node.inputs.map(({ name }) => name)})${JSON.stringify(node.attributes)}`;
    const twin = known.get(key);
    if (twin) {
      node.outputs.forEach((output, i) => {
        replacement.set(output, twin.outputs[i] as Value);
      });
      continue;
    }
    known.set(key, node);
    for (const output of node.outputs) producer.set(output, node);
    merged.push(node);
  }
  const outputs = graph.outputs.map(({ name, value }) => ({ name, value: resolve(value) }));

  const needed = new Set(outputs.map(({ value }) => value));
  const kept: Node[] = [];
  for (const node of merged.reverse()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    for (const input of node.inputs) needed.add(input);
    kept.push(node);
  }
  const constants = new Map([...graph.constants].filter(([value]) => needed.has(value)));
  return { ...graph, constants, nodes: kept.reverse(), outputs };
};
