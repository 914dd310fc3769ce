/**
 * Rewrites convolutions over small pictures as one matrix product for the whole batch. ONNX Runtime
 * multiplies picture by picture when the kernel is not a constant, which for a 3×3 picture of 256
 * channels reads the kernel once for every nine columns. The unrolled input is the one the weight
 * gradient needs too, and the simplifier makes it only once.
 */
import { GraphBuilder } from './builder.ts';
import type { Graph, Node, Value } from './graph.ts';
import { im2col, isSmallPicture, swapBatchAndChannels } from './im2col.ts';

type Extents4 = readonly [number, number, number, number];

const isSmall = (node: Node): node is Node<'Conv'> =>
  node.op === 'Conv' &&
  (node as Node<'Conv'>).attributes.group === 1 &&
  node.inputs.length === 2 &&
  isSmallPicture(node.outputs[0] as Value);

export const lowerConvolutions = (graph: Graph): Graph => {
  const b = new GraphBuilder('lowered_');
  const replacement = new Map<Value, Value>();
  const resolve = (value: Value): Value => replacement.get(value) ?? value;
  for (const original of graph.nodes) {
    const node = { ...original, inputs: original.inputs.map(resolve) };
    if (isSmall(node)) replacement.set(node.outputs[0] as Value, asProduct(b, node));
    else b.nodes.push(node);
  }
  return {
    ...graph,
    nodes: b.nodes,
    outputs: graph.outputs.map(({ name, value }) => ({ name, value: resolve(value) })),
  };
};

/** Y [K, N·P·Q] = W [K, r·s·C] × columns [r·s·C, N·P·Q]. */
const asProduct = (b: GraphBuilder, node: Node<'Conv'>): Value => {
  const { inputs, attributes } = node;
  const [x, weight] = inputs as [Value, Value];
  const [k, c, r, s] = weight.shape as Extents4;
  const [n, , p, q] = (node.outputs[0] as Value).shape as Extents4;
  const columns = im2col(b, swapBatchAndChannels(b, x), {
    ...attributes,
    kernel: [r, s],
    output: [p, q],
  });
  const kernelLast = b.apply('Transpose', [weight], { permutation: [0, 2, 3, 1] });
  const product = b.apply(
    'Gemm',
    [
      b.apply('Reshape', [kernelLast], { shape: [k, r * s * c] }),
      b.apply('Reshape', [columns], { shape: [r * s * c, n * p * q] }),
    ],
    { transA: false, transB: false, alpha: 1, beta: 0 },
  );
  return swapBatchAndChannels(b, b.apply('Reshape', [product], { shape: [k, n, p, q] }));
};
