/**
 * Writes a graph that was built for one batch size so that the file takes any. Which extents follow
 * the batch is seen by the batch that the graph was built with.
 */
import { type OnnxNode, onnxAttributeType } from '../../formats/onnx.ts';
import type { Node } from './graph.ts';

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
 * An expansion to the batch reads its extent from the graph's input when the file runs.
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
  const [first, ...rest] = (node as Node<'Expand'>).attributes.shape;
  if (first !== batch) return [written];
  const name = node.outputs[0]?.name;
  const [count, shape] = [`${name}_batch`, `${name}_shape`];
  const int = (key: string, i: number) => ({ name: key, type: onnxAttributeType.int, i });
  return [
    {
      opType: 'Shape',
      input: [input],
      output: [count],
      attribute: [int('start', 0), int('end', 1)],
    },
    {
      opType: 'Concat',
      input: [count, vectorName(rest)],
      output: [shape],
      attribute: [int('axis', 0)],
    },
    { ...written, input: [written.input[0] as string, shape] },
  ];
};
