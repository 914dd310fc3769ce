/**
 * Head surgery on a model file: the file is edited where its classes are counted and nowhere else, so
 * it works for networks that were imported too, whose own file is not at hand.
 */
import {
  decodeOnnx,
  encodeOnnx,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
  onnxDataType,
} from '../../formats/onnx.ts';
import { type HeadPlan, headWeights, operateHead } from './head-surgery.ts';
import { metadataFor, readModel } from './model-file.ts';

/**
 * A model file with other classes: those that are kept have the same logits as before, bit for bit.
 * What says which version of a store the file was is left out, because it is that no longer.
 *
 * @param file as `models.export` or `writeModel` gives it, in float32
 * @throws RelearnError corrupt/`invalid_model_file` where it is no such file; as `operateHead`
 */
export const changeClasses = (file: Uint8Array, plan: HeadPlan): Uint8Array => {
  const before = readModel(file);
  const after = operateHead(before, plan);
  const model = decodeOnnx(file);
  const classes = after.labels.length;
  const graph = withPairsOf(classes, model.graph);
  return encodeOnnx({
    ...model,
    metadataProps: Object.entries(metadataFor(after)).map(([key, value]) => ({ key, value })),
    graph: {
      ...graph,
      initializer: graph.initializer.map((tensor) => {
        const numbers = isHead(tensor) && after.weights.get(tensor.name ?? '');
        if (!numbers) return tensor;
        const rawData = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
        return { ...tensor, dims: [classes, ...tensor.dims.slice(1)], rawData };
      }),
      output: graph.output.map((output) => withColumns(output, classes)),
    },
  });
};

const isHead = ({ name = '' }: OnnxTensor): boolean =>
  name === headWeights.kernel || name === headWeights.bias;

/**
 * Where a picture and its mirror image are answered together, the logits [2·N, classes] are reshaped
 * to [2, N, classes]; that shape may be shared with other nodes, so this one gets its own.
 */
const withPairsOf = (classes: number, graph: OnnxGraph): OnnxGraph => {
  const head = graph.node.find(({ input }) => input.includes(headWeights.kernel));
  const isPairing = ({ opType, input }: OnnxNode): boolean =>
    opType === 'Reshape' && input[0] === head?.output[0];
  if (!graph.node.some(isPairing)) return graph;
  const shape: OnnxTensor = {
    name: 'logits/pairs',
    dims: [3],
    dataType: onnxDataType.int64,
    rawData: new Uint8Array(BigInt64Array.of(2n, -1n, BigInt(classes)).buffer),
  };
  return {
    ...graph,
    node: graph.node.map((node) =>
      isPairing(node) ? { ...node, input: [node.input[0] as string, 'logits/pairs'] } : node,
    ),
    initializer: [...graph.initializer.filter(({ name }) => name !== shape.name), shape],
  };
};

const withColumns = (output: OnnxValueInfo, classes: number): OnnxValueInfo => {
  const { tensorType } = output.type;
  const dim = tensorType?.shape?.dim;
  if (!tensorType || dim?.length !== 2) return output;
  const shape = { dim: [...dim.slice(0, 1), { dimValue: classes }] };
  return { ...output, type: { tensorType: { ...tensorType, shape } } };
};
