/**
 * The ONNX model file: the messages of onnx.proto (ONNX IR version 8) that Relearn reads and
 * writes, and their protobuf coding. Field numbers are ONNX's published ones; what is not listed
 * here is skipped when reading.
 */
import protobuf from 'protobufjs';
import { RelearnError } from '../base/errors.ts';

/** A message that Relearn never reads into: only that it is there matters. */
export type Unread = Uint8Array;

export interface OnnxTensor {
  readonly name?: string;
  readonly dims: readonly number[];
  /** One of `onnxDataType`. */
  readonly dataType: number;
  readonly rawData?: Uint8Array;
  readonly floatData?: readonly number[];
  readonly int32Data?: readonly number[];
  readonly stringData?: readonly Uint8Array[];
  readonly int64Data?: readonly number[];
  readonly doubleData?: readonly number[];
  readonly uint64Data?: readonly number[];
  readonly segment?: Unread;
  /** Where data lie that are not in the file itself: key "location" and others. */
  readonly externalData?: readonly { readonly key: string; readonly value: string }[];
  /** 1 where the data lie outside the file. */
  readonly dataLocation?: number;
}

export interface OnnxAttribute {
  readonly name: string;
  /** One of `onnxAttributeType`. */
  readonly type: number;
  readonly f?: number;
  readonly i?: number;
  readonly s?: Uint8Array;
  readonly t?: OnnxTensor;
  readonly g?: OnnxGraph;
  readonly floats?: readonly number[];
  readonly ints?: readonly number[];
  readonly strings?: readonly Uint8Array[];
  readonly tensors?: readonly OnnxTensor[];
  readonly graphs?: readonly OnnxGraph[];
  readonly sparseTensor?: Unread;
  readonly sparseTensors?: readonly Unread[];
  /** Inside a function: the name of the function's attribute that this one stands for. */
  readonly refAttrName?: string;
}

export interface OnnxNode {
  readonly name?: string;
  readonly opType: string;
  readonly domain?: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly OnnxAttribute[];
}

export interface OnnxTensorType {
  readonly elemType: number;
  readonly shape?: {
    readonly dim: readonly { readonly dimValue?: number; readonly dimParam?: string }[];
  };
}

export interface OnnxValueInfo {
  readonly name: string;
  readonly type: {
    readonly tensorType?: OnnxTensorType;
    readonly sequenceType?: { readonly elemType: { readonly tensorType: OnnxTensorType } };
  };
}

export interface OnnxGraph {
  readonly name: string;
  readonly node: readonly OnnxNode[];
  readonly initializer: readonly OnnxTensor[];
  readonly sparseInitializer?: readonly Unread[];
  readonly input: readonly OnnxValueInfo[];
  readonly output: readonly OnnxValueInfo[];
}

export interface OnnxModel {
  readonly irVersion: number;
  readonly producerName: string;
  readonly producerVersion: string;
  readonly opsetImport: readonly { readonly domain: string; readonly version: number }[];
  readonly metadataProps: readonly { readonly key: string; readonly value: string }[];
  readonly graph: OnnxGraph;
  readonly trainingInfo?: readonly Unread[];
  readonly functions?: readonly Unread[];
}

export const onnxDataType = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  complex64: 14,
  complex128: 15,
  bfloat16: 16,
} as const;

export const onnxAttributeType = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
} as const;

type Field = readonly [type: string, id: number, repeated?: 'repeated'];

const message = (fields: Readonly<Record<string, Field>>): protobuf.IType => ({
  fields: Object.fromEntries(
    Object.entries(fields).map(([name, [type, id, rule]]) => [
      name,
      rule ? { type, id, rule } : { type, id },
    ]),
  ),
});

const root = protobuf.Root.fromJSON({
  nested: {
    ModelProto: message({
      irVersion: ['int64', 1],
      producerName: ['string', 2],
      producerVersion: ['string', 3],
      graph: ['GraphProto', 7],
      opsetImport: ['OperatorSetIdProto', 8, 'repeated'],
      metadataProps: ['StringStringEntryProto', 14, 'repeated'],
      trainingInfo: ['bytes', 20, 'repeated'],
      functions: ['bytes', 25, 'repeated'],
    }),
    OperatorSetIdProto: message({ domain: ['string', 1], version: ['int64', 2] }),
    StringStringEntryProto: message({ key: ['string', 1], value: ['string', 2] }),
    GraphProto: message({
      node: ['NodeProto', 1, 'repeated'],
      name: ['string', 2],
      initializer: ['TensorProto', 5, 'repeated'],
      input: ['ValueInfoProto', 11, 'repeated'],
      output: ['ValueInfoProto', 12, 'repeated'],
      sparseInitializer: ['bytes', 15, 'repeated'],
    }),
    NodeProto: message({
      input: ['string', 1, 'repeated'],
      output: ['string', 2, 'repeated'],
      name: ['string', 3],
      opType: ['string', 4],
      attribute: ['AttributeProto', 5, 'repeated'],
      domain: ['string', 7],
    }),
    AttributeProto: message({
      name: ['string', 1],
      f: ['float', 2],
      i: ['int64', 3],
      s: ['bytes', 4],
      t: ['TensorProto', 5],
      g: ['GraphProto', 6],
      floats: ['float', 7, 'repeated'],
      ints: ['int64', 8, 'repeated'],
      strings: ['bytes', 9, 'repeated'],
      tensors: ['TensorProto', 10, 'repeated'],
      graphs: ['GraphProto', 11, 'repeated'],
      type: ['int32', 20],
      refAttrName: ['string', 21],
      sparseTensor: ['bytes', 22],
      sparseTensors: ['bytes', 23, 'repeated'],
    }),
    TensorProto: message({
      dims: ['int64', 1, 'repeated'],
      dataType: ['int32', 2],
      segment: ['bytes', 3],
      floatData: ['float', 4, 'repeated'],
      int32Data: ['int32', 5, 'repeated'],
      stringData: ['bytes', 6, 'repeated'],
      int64Data: ['int64', 7, 'repeated'],
      name: ['string', 8],
      rawData: ['bytes', 9],
      doubleData: ['double', 10, 'repeated'],
      uint64Data: ['uint64', 11, 'repeated'],
      externalData: ['StringStringEntryProto', 13, 'repeated'],
      dataLocation: ['int32', 14],
    }),
    ValueInfoProto: message({ name: ['string', 1], type: ['TypeProto', 2] }),
    TypeProto: message({
      tensorType: ['TypeProtoTensor', 1],
      sequenceType: ['TypeProtoSequence', 4],
    }),
    TypeProtoSequence: message({ elemType: ['TypeProto', 1] }),
    TypeProtoTensor: message({ elemType: ['int32', 1], shape: ['TensorShapeProto', 2] }),
    TensorShapeProto: message({ dim: ['Dimension', 1, 'repeated'] }),
    Dimension: message({ dimValue: ['int64', 1], dimParam: ['string', 2] }),
  },
});

const modelType = root.lookupType('ModelProto');

/**
 * Bounds on the messages of a file, checked on the bytes before any object is made: an empty message
 * takes two bytes in a file and a hundred in memory. The largest common classifiers have some
 * twenty thousand messages, six levels deep.
 */
const limits = { depth: 32, messages: 1_000_000 } as const;

/** Walks over the messages of a file without making any. */
const checkLimits = (bytes: Uint8Array): void => {
  const reader = protobuf.Reader.create(bytes);
  let messages = 0;
  const walk = (type: protobuf.Type, end: number, depth: number): void => {
    messages += 1;
    if (depth > limits.depth) throw tooComplex(`nests messages more than ${limits.depth} deep`);
    if (messages > limits.messages) throw tooComplex(`holds over ${limits.messages} messages`);
    while (reader.pos < end) {
      const tag = reader.uint32();
      const inner = type.fieldsById[tag >>> 3]?.resolve().resolvedType;
      if (inner instanceof protobuf.Type && (tag & 7) === 2) {
        const length = reader.uint32();
        walk(inner, reader.pos + length, depth + 1);
      } else reader.skipType(tag & 7);
    }
  };
  walk(modelType, bytes.length, 1);
};

const tooComplex = (what: string): RelearnError =>
  new RelearnError('invalid', 'onnx_too_complex', `The ONNX file ${what}.`, {
    hint: 'Use a file that an exporter wrote for one picture classifier.',
  });

export const encodeOnnx = (model: OnnxModel): Uint8Array => modelType.encode(model).finish();

/** What stands in a model's place when a download went wrong, and what then helps. */
const mistaken: readonly (readonly [begins: RegExp, hint: string])[] = [
  [/^$/, 'The file is empty: download or export it again.'],
  [/^version https:\/\/git-lfs/, 'It is a pointer of Git LFS, not the file itself: git lfs pull.'],
  [/^\s*<(!doctype|html|\?xml)/i, 'It is a web page: download the file that the page shows.'],
];

const hintFor = (bytes: Uint8Array): string => {
  const beginning = Buffer.from(bytes.subarray(0, 64)).toString('latin1');
  const known = mistaken.find(([begins]) => begins.test(beginning));
  return known?.[1] ?? 'Check that the file is complete and nothing else.';
};

/**
 * @throws RelearnError corrupt/`invalid_model_file` where the bytes are not an ONNX model,
 *   invalid/`onnx_too_complex` where they hold too many messages or nest them too deep
 */
export const decodeOnnx = (bytes: Uint8Array): OnnxModel => {
  try {
    checkLimits(bytes);
    const model = modelType.toObject(modelType.decode(bytes), {
      longs: Number,
      arrays: true,
    }) as OnnxModel;
    if (model.graph === undefined) throw new Error('no graph');
    return model;
  } catch (cause) {
    if (cause instanceof RelearnError) throw cause;
    throw new RelearnError('corrupt', 'invalid_model_file', 'The file is not an ONNX model.', {
      cause,
      hint: hintFor(bytes),
    });
  }
};
