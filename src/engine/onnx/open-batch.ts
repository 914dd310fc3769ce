/**
 * Writes a graph that was built for one batch size so that the file takes any. Which extents follow
 * the batch is seen by the batch that the graph was built with.
 */
import { type OnnxNode, onnxAttributeType } from '../../formats/onnx.ts';
import type { Node } from '../graph/graph.ts';

/** A batch size that is a factor of no other extent. */
export const openBatchSize = 7919;

const follows = (extent: number, axis: number, batch: number): boolean =>
  batch > 1 ? extent % batch === 0 : axis === 0 && extent === batch;

/**
 * A reshape does not name extents that follow the batch: those of its input are copied (ONNX: 0),
 * one other is what remains (−1).
 */
export const keepBatch = (node: Node, batch: number): Node => {
  if (node.op !== 'Reshape') return node;
  const from = node.inputs[0]?.shape ?? [];
  const shape = (node as Node<'Reshape'>).attributes.shape.map((extent, axis) => {
    if (!follows(extent, axis, batch)) return extent;
    return extent === from[axis] ? 0 : -1;
  });
  return { ...node, attributes: { shape } };
};

/**
 * An expansion to the batch, or to a multiple of it, reads that extent from the graph's input when the
 * file runs; an extent that its own input has already is not named (ONNX: 1).
 * @param written the node as it is written for a fixed batch
 * @param vectorName stores a vector and names it
 * @returns the nodes to write instead
 */
export const expandToBatch = (
  node: Node,
  written: OnnxNode,
  {
    batch,
    input,
    vectorName,
  }: { batch: number; input: string; vectorName: (v: number[]) => string },
): readonly OnnxNode[] => {
  if (node.op !== 'Expand' || batch === 1) return [written];
  const { shape: target } = (node as Node<'Expand'>).attributes;
  const own = node.inputs[0]?.shape ?? [];
  const shape = target.map((extent, axis) => {
    const has = own[axis - (target.length - own.length)];
    return extent === has && follows(extent, axis, batch) ? 1 : extent;
  });
  const from = written.input[0] as string;
  if (!shape.some((extent, axis) => follows(extent, axis, batch)))
    return [{ ...written, input: [from, vectorName(shape)] }];
  const name = node.outputs[0]?.name;
  const count = `${name}_batch`;
  const int = (key: string, i: number) => ({ name: key, type: onnxAttributeType.int, i });
  const size: OnnxNode = {
    opType: 'Shape',
    input: [input],
    output: [count],
    attribute: [int('start', 0), int('end', 1)],
  };
  const parts = shape.map((extent, axis): readonly [string, readonly OnnxNode[]] => {
    if (!follows(extent, axis, batch)) return [vectorName([extent]), []];
    if (extent === batch) return [count, []];
    const product = `${name}_extent${axis}`;
    const factor = vectorName([extent / batch]);
    return [product, [{ opType: 'Mul', input: [count, factor], output: [product], attribute: [] }]];
  });
  return [
    size,
    ...parts.flatMap(([, nodes]) => nodes),
    {
      opType: 'Concat',
      input: parts.map(([part]) => part),
      output: [`${name}_shape`],
      attribute: [int('axis', 0)],
    },
    { ...written, input: [from, `${name}_shape`] },
  ];
};
