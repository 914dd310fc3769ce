/** Who makes and who reads each value of an ONNX graph, and the float weights by name. */
import {
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  onnxDataType,
} from '../../formats/onnx.ts';

export interface GraphIndex {
  readonly producer: ReadonlyMap<string, OnnxNode>;
  readonly readers: (value: string) => readonly OnnxNode[];
  readonly isOutput: (value: string) => boolean;
  /** A stored float32 tensor; undefined where the name is none. */
  readonly weight: (name: string | undefined) => Weight | undefined;
}

export interface Weight {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

export const indexGraph = (graph: OnnxGraph): GraphIndex => {
  const producer = new Map(
    graph.node.flatMap((node) => node.output.map((value) => [value, node] as const)),
  );
  const readers = new Map<string, OnnxNode[]>();
  for (const node of graph.node)
    for (const value of new Set(node.input))
      readers.set(value, [...(readers.get(value) ?? []), node]);
  const outputs = new Set(graph.output.map(({ name }) => name));
  const stored = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  return {
    producer,
    readers: (value) => readers.get(value) ?? [],
    isOutput: (value) => outputs.has(value),
    weight: (name) => {
      const tensor = name ? stored.get(name) : undefined;
      return tensor && readWeight(tensor);
    },
  };
};

const readWeight = ({ dims, dataType, rawData }: OnnxTensor): Weight | undefined =>
  dataType === onnxDataType.float32 && rawData
    ? // A copy, because the bytes of a protobuf field need not be aligned.
      { dims, data: new Float32Array(new Uint8Array(rawData).buffer) }
    : undefined;

/** The only reader of a value that is no output of the graph. */
export const onlyReader = (index: GraphIndex, value: string): OnnxNode | undefined => {
  const readers = index.readers(value);
  return readers.length === 1 && !index.isOutput(value) ? readers[0] : undefined;
};

export const storeTensor = (
  name: string,
  dataType: keyof typeof onnxDataType,
  dims: readonly number[],
  data: Float32Array | Int32Array | Int8Array | Uint8Array | Uint16Array,
): OnnxTensor => ({
  name,
  dims,
  dataType: onnxDataType[dataType],
  rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
});

/** Leaves out weights that no node reads any more. */
export const withoutUnread = (graph: OnnxGraph): OnnxGraph => {
  const read = new Set(graph.node.flatMap(({ input }) => input));
  for (const { name } of graph.output) read.add(name);
  return { ...graph, initializer: graph.initializer.filter(({ name }) => read.has(name ?? '')) };
};

/** An integer attribute, or what ONNX says it is where it is left out. */
export const integerAttribute = (node: OnnxNode, name: string, otherwise: number): number =>
  node.attribute.find((attribute) => attribute.name === name)?.i ?? otherwise;

export const floatAttribute = (node: OnnxNode, name: string, otherwise: number): number =>
  node.attribute.find((attribute) => attribute.name === name)?.f ?? otherwise;
