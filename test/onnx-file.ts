/** Writes small ONNX files by hand, as exporters do, for tests of reading them. */

import { createRandom } from '../src/base/random.ts';
import {
  encodeOnnx,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
  onnxAttributeType,
  onnxDataType,
} from '../src/formats/onnx.ts';

type AttributeValue =
  | number
  | string
  | readonly number[]
  | OnnxTensor
  | OnnxGraph
  | { float: number };

const attribute = (name: string, value: AttributeValue): OnnxAttribute => {
  const type = onnxAttributeType;
  if (typeof value === 'number') return { name, type: type.int, i: value };
  if (typeof value === 'string') return { name, type: type.string, s: Buffer.from(value) };
  if (Array.isArray(value)) return { name, type: type.ints, ints: value };
  if ('float' in value) return { name, type: type.float, f: value.float };
  if ('node' in value) return { name, type: type.graph, g: value };
  return { name, type: type.tensor, t: value as OnnxTensor };
};

export const node = (
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
  domain = '',
): OnnxNode => ({
  name: `${opType} of ${output[0]}`,
  opType,
  domain,
  input,
  output,
  attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
});

export const floats = (
  name: string,
  dims: readonly number[],
  values?: readonly number[],
): OnnxTensor => {
  const random = createRandom(1).fork(name);
  const size = dims.reduce((product, extent) => product * extent, 1);
  const data = Float32Array.from(values ?? Array.from({ length: size }, () => random.normal() / 2));
  return { name, dims, dataType: onnxDataType.float32, rawData: new Uint8Array(data.buffer) };
};

export const integers = (
  name: string,
  values: readonly number[],
  dims = [values.length],
): OnnxTensor => ({
  name,
  dims,
  dataType: onnxDataType.int64,
  int64Data: values,
});

type Dimension = number | string;

export const described = (
  name: string,
  shape: readonly Dimension[],
  elemType: number = onnxDataType.float32,
): OnnxValueInfo => ({
  name,
  type: {
    tensorType: {
      elemType,
      shape: {
        dim: shape.map((extent) =>
          typeof extent === 'number' ? { dimValue: extent } : { dimParam: extent },
        ),
      },
    },
  },
});

export interface FileParts {
  readonly nodes: readonly OnnxNode[];
  readonly initializers?: readonly OnnxTensor[];
  /** Default: `images` [N,3,8,8]. */
  readonly inputs?: readonly OnnxValueInfo[];
  /** Default: `logits` [N,4]. */
  readonly outputs?: readonly OnnxValueInfo[];
  readonly opset?: number;
  readonly model?: Partial<OnnxModel>;
  readonly graph?: Partial<OnnxGraph>;
}

export const onnxFile = (parts: FileParts): Uint8Array => {
  const { nodes, initializers = [], opset = 17 } = parts;
  const { inputs = [described('images', ['N', 3, 8, 8])] } = parts;
  const { outputs = [described('logits', ['N', 4])] } = parts;
  return encodeOnnx({
    irVersion: 8,
    producerName: 'test',
    producerVersion: '1',
    opsetImport: [{ domain: '', version: opset }],
    metadataProps: [],
    graph: {
      name: 'test',
      node: nodes,
      initializer: initializers,
      input: inputs,
      output: outputs,
      ...parts.graph,
    },
    ...parts.model,
  });
};

/** A small classifier that every exporter could have written: 8×8 pictures, 5 features, 4 classes. */
export const smallClassifier: FileParts = {
  nodes: [
    node('Conv', ['images', 'conv.weight', 'conv.bias'], ['convolved'], {
      kernel_shape: [3, 3],
      pads: [1, 1, 1, 1],
      strides: [2, 2],
    }),
    node('Relu', ['convolved'], ['activated']),
    node('GlobalAveragePool', ['activated'], ['pooled']),
    node('Flatten', ['pooled'], ['flat']),
    node('Gemm', ['flat', 'fc.weight', 'fc.bias'], ['logits'], { transB: 1 }),
  ],
  initializers: [
    floats('conv.weight', [5, 3, 3, 3]),
    floats('conv.bias', [5]),
    floats('fc.weight', [4, 5]),
    floats('fc.bias', [4]),
  ],
};
