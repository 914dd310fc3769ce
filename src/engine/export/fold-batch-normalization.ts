/**
 * Folds each batch normalization that follows a convolution into its kernel and bias: the same
 * function with fewer nodes (Jacob et al. 2018, section 3.2). Answering graphs only, where the
 * statistics are constants.
 */
import type { OnnxGraph, OnnxNode, OnnxTensor } from '../../formats/onnx.ts';
import {
  floatAttribute,
  type GraphIndex,
  indexGraph,
  onlyReader,
  storeTensor,
  withoutUnread,
} from './graph-index.ts';

interface Folded {
  readonly node: OnnxNode;
  readonly weights: readonly OnnxTensor[];
}

const fold = (index: GraphIndex, convolution: OnnxNode, norm: OnnxNode): Folded | undefined => {
  const [input = '', kernelName, biasName] = convolution.input;
  const kernel = index.weight(kernelName);
  const bias = biasName ? index.weight(biasName) : undefined;
  const [scale, offset, mean, variance] = norm.input
    .slice(1)
    .map((name) => index.weight(name)?.data);
  if (!kernel || (biasName && !bias) || !scale || !offset || !mean || !variance) return undefined;
  const epsilon = floatAttribute(norm, 'epsilon', 1e-5);
  const filters = scale.length;
  const factors = scale.map((value, k) => value / Math.sqrt((variance[k] as number) + epsilon));
  const each = kernel.data.length / filters;
  const foldedKernel = kernel.data.map(
    (value, i) => value * (factors[Math.floor(i / each)] as number),
  );
  const foldedBias = offset.map(
    (value, k) => value + ((bias?.data[k] ?? 0) - (mean[k] as number)) * (factors[k] as number),
  );
  const name = norm.output[0] as string;
  return {
    node: { ...convolution, input: [input, `${name}/kernel`, `${name}/bias`], output: [name] },
    weights: [
      storeTensor(`${name}/kernel`, 'float32', kernel.dims, foldedKernel),
      storeTensor(`${name}/bias`, 'float32', [filters], foldedBias),
    ],
  };
};

export const foldBatchNormalization = (graph: OnnxGraph): OnnxGraph => {
  const index = indexGraph(graph);
  const replaced = new Map<OnnxNode, OnnxNode | undefined>();
  const weights: OnnxTensor[] = [];
  for (const norm of graph.node) {
    if (norm.opType !== 'BatchNormalization') continue;
    const input = norm.input[0] as string;
    const convolution = index.producer.get(input);
    if (convolution?.opType !== 'Conv' || onlyReader(index, input) !== norm) continue;
    const folded = fold(index, convolution, norm);
    if (!folded) continue;
    replaced.set(convolution, folded.node).set(norm, undefined);
    weights.push(...folded.weights);
  }
  return withoutUnread({
    ...graph,
    node: graph.node.flatMap((node) => {
      const now = replaced.has(node) ? replaced.get(node) : node;
      return now ? [now] : [];
    }),
    initializer: [...graph.initializer, ...weights],
  });
};
