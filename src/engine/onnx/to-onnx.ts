/** Writes a graph as an ONNX model that any ONNX Runtime can load. */

import {
  encodeOnnx,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
  onnxAttributeType,
  onnxDataType,
} from '../../formats/onnx.ts';
import type { Graph, Node, Value } from '../graph/graph.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type OnnxSpelling, onnxRules, vector } from './onnx-rules.ts';
import { expandToBatch, keepBatch } from './open-batch.ts';

export interface ToOnnxOptions {
  /** Weights by parameter name, stored in the file. Parameters not given become inputs. */
  readonly weights?: ReadonlyMap<string, Float32Array>;
  /**
   * Leave the first extent of inputs and outputs open ("N"); the graph must not depend on it. A
   * graph that puts the batch into other axes, or multiplies it, must be built with `openBatchSize`
   * pictures, so that the extents that follow the batch can be told from others.
   */
  readonly openBatch?: boolean;
  readonly metadata?: Readonly<Record<string, string>>;
}

const producer = { producerName: 'relearn', producerVersion: '1' };

export const toOnnx = (graph: Graph, options: ToOnnxOptions = {}): Uint8Array => {
  const { weights = new Map<string, Float32Array>(), openBatch = false, metadata = {} } = options;
  const used = usedValues(graph);
  const initializer: OnnxTensor[] = [];
  for (const [value, data] of graph.constants)
    if (used.has(value)) initializer.push(toOnnxTensor(value.name, data));
  const parameters = graph.parameters.map(({ value }) => value).filter((value) => used.has(value));
  for (const value of parameters) {
    const data = weights.get(value.name);
    if (data)
      initializer.push(toOnnxTensor(value.name, { dtype: 'float32', shape: value.shape, data }));
  }

  const batch = graph.inputs[0]?.shape[0] ?? 1;
  const names = new Map(graph.outputs.map(({ name, value }) => [value, name]));
  const nameOf = (value: Value) => names.get(value) ?? value.name;
  const constants = new SharedConstants(initializer);
  const write = (item: Node) => toOnnxNode(item, used, nameOf, constants);
  const node = openBatch
    ? graph.nodes.flatMap((item) =>
        expandToBatch(item, write(keepBatch(item, batch)), {
          batch,
          input: graph.inputs[0]?.name ?? '',
          vectorName: (numbers) => constants.nameOf(vector(numbers)),
        }),
      )
    : graph.nodes.map(write);
  // A graph output that is itself an input or a weight needs a node to carry its name.
  const made = new Set(graph.nodes.flatMap((item) => item.outputs));
  for (const { name, value } of graph.outputs) {
    if (made.has(value) && nameOf(value) === name) continue;
    const source = made.has(value) ? nameOf(value) : value.name;
    node.push({ opType: 'Identity', input: [source], output: [name], attribute: [] });
  }

  return encodeOnnx({
    ...producer,
    irVersion: 8,
    opsetImport: [
      { domain: '', version: 17 },
      ...['com.microsoft', 'com.microsoft.nchwc']
        .filter((domain) => node.some((item) => item.domain === domain))
        .map((domain) => ({ domain, version: 1 })),
    ],
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    graph: {
      name: 'relearn',
      node,
      initializer,
      input: [
        ...graph.inputs.map((value) => describe(value, value.name, openBatch)),
        ...parameters
          .filter((value) => !weights.has(value.name))
          .map((value) => describe(value, value.name)),
      ],
      output: graph.outputs.map(({ name, value }) => describe(value, name, openBatch)),
    },
  });
};

const usedValues = ({ nodes, outputs }: Graph): ReadonlySet<Value> =>
  new Set([...nodes.flatMap(({ inputs }) => inputs), ...outputs.map(({ value }) => value)]);

/** @param open leave the first extent open */
const describe = ({ dtype, shape }: Value, name: string, open = false): OnnxValueInfo => ({
  name,
  type: {
    tensorType: {
      elemType: onnxDataType[dtype],
      shape: {
        dim: shape.map((extent, axis) =>
          open && axis === 0 ? { dimParam: 'N' } : { dimValue: extent },
        ),
      },
    },
  },
});

const toOnnxNode = (
  node: Node,
  used: ReadonlySet<Value>,
  nameOf: (value: Value) => string,
  constants: SharedConstants,
): OnnxNode => {
  const rule = onnxRules[node.op] as (attributes: unknown, node: Node) => OnnxSpelling;
  const spelling = rule(node.attributes, node);
  // Trailing outputs that nobody reads are left out, so that kernels need not compute them.
  let outputs = node.outputs.length;
  while (outputs > (spelling.outputs ?? 1) && !used.has(node.outputs[outputs - 1] as Value))
    outputs--;
  const { body } = spelling;
  const asAttribute = body && {
    name: 'body',
    type: onnxAttributeType.graph,
    g: toOnnxBody(body.graph, node.inputs.slice(body.inputs).map(nameOf), constants),
  };
  return {
    opType: spelling.opType ?? node.op,
    ...(spelling.domain ? { domain: spelling.domain } : {}),
    input: [
      ...node.inputs.slice(0, body?.inputs).map((value) => nameOf(value)),
      ...(spelling.constants ?? []).map((value) => constants.nameOf(value)),
    ],
    output: node.outputs.slice(0, outputs).map(nameOf),
    attribute: [...(spelling.attributes ?? []), ...(asAttribute ? [asAttribute] : [])],
  };
};

/**
 * A graph inside a node. Its constants lie outside, its names must be new there.
 * @param captured names outside of its last inputs
 */
const toOnnxBody = (
  body: Graph,
  captured: readonly string[],
  constants: SharedConstants,
): OnnxGraph => {
  const own = body.inputs.length - captured.length;
  const names = new Map(captured.map((name, index) => [body.inputs[own + index] as Value, name]));
  const nameOf = (value: Value): string => {
    const constant = body.constants.get(value);
    return constant ? constants.nameOf(constant) : (names.get(value) ?? value.name);
  };
  const used = usedValues(body);
  return {
    name: 'body',
    node: body.nodes.map((node) => toOnnxNode(node, used, nameOf, constants)),
    initializer: [],
    input: body.inputs.slice(0, own).map((value) => describe(value, value.name)),
    output: body.outputs.map(({ value }) => describe(value, value.name)),
  };
};

/** Small constants as initializers, each distinct one stored once. */
class SharedConstants {
  readonly #names = new Map<string, string>();
  readonly #initializer: OnnxTensor[];

  constructor(initializer: OnnxTensor[]) {
    this.#initializer = initializer;
  }

  /** ONNX writes an input that is left out as an empty name. */
  nameOf(value: Tensor | undefined): string {
    if (value === undefined) return '';
    const key = `${value.dtype}[${value.shape}] ${value.data.join(',')}`;
    const known = this.#names.get(key);
    if (known) return known;
    const name = `shared_${this.#names.size + 1}`;
    this.#names.set(key, name);
    this.#initializer.push(toOnnxTensor(name, value));
    return name;
  }
}

const toOnnxTensor = (name: string, { dtype, shape, data }: Tensor): OnnxTensor => ({
  name,
  dims: shape,
  dataType: onnxDataType[dtype],
  rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
});
