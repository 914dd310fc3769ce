/**
 * Stores kernels and matrices as float16 with a Cast to float32 behind each: half the bytes, and
 * any ONNX Runtime computes as before, because it casts constants once while it loads. Vectors
 * (biases, scales) stay as they are: they weigh nothing.
 */
import { type OnnxGraph, onnxAttributeType, onnxDataType } from '../../formats/onnx.ts';
import { toFloat16 } from './float16.ts';
import { indexGraph, storeTensor } from './graph-index.ts';

/** Of float16; a tensor with a larger weight is kept as it is. */
const largest = 65_504;

export const storeHalf = (graph: OnnxGraph): OnnxGraph => {
  const index = indexGraph(graph);
  const halves = graph.initializer.flatMap(({ name = '', dims }) => {
    const weight = dims.length >= 2 ? index.weight(name) : undefined;
    return weight?.data.every((value) => Math.abs(value) <= largest)
      ? [{ name, dims, bits: toFloat16(weight.data) }]
      : [];
  });
  const names = new Set(halves.map(({ name }) => name));
  return {
    ...graph,
    node: [
      ...halves.map(({ name }) => ({
        opType: 'Cast',
        input: [`${name}/half`],
        output: [name],
        attribute: [{ name: 'to', type: onnxAttributeType.int, i: onnxDataType.float32 }],
      })),
      ...graph.node,
    ],
    initializer: [
      ...graph.initializer.filter(({ name = '' }) => !names.has(name)),
      ...halves.map(({ name, dims, bits }) => storeTensor(`${name}/half`, 'float16', dims, bits)),
    ],
  };
};
