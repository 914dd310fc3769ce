/**
 * The numbers of an ONNX tensor, whichever of its seven places they lie in. Floating-point numbers
 * of every width come out as float32, integers of every width and booleans as doubles, which hold
 * them exactly up to 2⁵³.
 */
import { RelearnError } from '../base/errors.ts';
import { type OnnxTensor, onnxDataType } from './onnx.ts';

type Numbers = Float32Array | Float64Array;

interface Storage {
  readonly bytes: number;
  /** Reads one element of `raw_data`. */
  readonly read: (view: DataView, offset: number) => number;
  /** The typed field that holds the numbers where `raw_data` does not, and how to read one. */
  readonly field: 'floatData' | 'doubleData' | 'int32Data' | 'int64Data' | 'uint64Data';
  readonly fromField?: (stored: number) => number;
  readonly float?: true;
}

/** IEEE 754 half precision. */
const halfToNumber = (half: number): number => {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
};

/** bfloat16 is the upper half of a float32. */
const word = new DataView(new ArrayBuffer(4));
const brainToNumber = (brain: number): number => {
  word.setUint32(0, brain << 16);
  return word.getFloat32(0);
};

const storages: ReadonlyMap<number, Storage> = new Map<number, Storage>([
  [
    onnxDataType.float32,
    { bytes: 4, read: (v, o) => v.getFloat32(o, true), field: 'floatData', float: true },
  ],
  [
    onnxDataType.float64,
    { bytes: 8, read: (v, o) => v.getFloat64(o, true), field: 'doubleData', float: true },
  ],
  [
    onnxDataType.float16,
    {
      bytes: 2,
      read: (v, o) => halfToNumber(v.getUint16(o, true)),
      field: 'int32Data',
      fromField: halfToNumber,
      float: true,
    },
  ],
  [
    onnxDataType.bfloat16,
    {
      bytes: 2,
      read: (v, o) => brainToNumber(v.getUint16(o, true)),
      field: 'int32Data',
      fromField: brainToNumber,
      float: true,
    },
  ],
  [onnxDataType.int8, { bytes: 1, read: (v, o) => v.getInt8(o), field: 'int32Data' }],
  [onnxDataType.uint8, { bytes: 1, read: (v, o) => v.getUint8(o), field: 'int32Data' }],
  [onnxDataType.bool, { bytes: 1, read: (v, o) => v.getUint8(o), field: 'int32Data' }],
  [onnxDataType.int16, { bytes: 2, read: (v, o) => v.getInt16(o, true), field: 'int32Data' }],
  [onnxDataType.uint16, { bytes: 2, read: (v, o) => v.getUint16(o, true), field: 'int32Data' }],
  [onnxDataType.int32, { bytes: 4, read: (v, o) => v.getInt32(o, true), field: 'int32Data' }],
  [onnxDataType.uint32, { bytes: 4, read: (v, o) => v.getUint32(o, true), field: 'uint64Data' }],
  [
    onnxDataType.int64,
    { bytes: 8, read: (v, o) => Number(v.getBigInt64(o, true)), field: 'int64Data' },
  ],
  [
    onnxDataType.uint64,
    { bytes: 8, read: (v, o) => Number(v.getBigUint64(o, true)), field: 'uint64Data' },
  ],
]);

/** No extent, and no tensor, of a picture classifier comes near. */
const largestExtent = 2 ** 30;
const largestRank = 32;

const typeName = (dataType: number | undefined): string =>
  Object.entries(onnxDataType).find(([, number]) => number === dataType)?.[0] ??
  `type ${dataType ?? 'unknown'}`;

const refuse = (code: string, message: string): RelearnError =>
  new RelearnError('invalid', code, message, {
    hint: 'Export the model again as one file; this one is damaged or not a plain classifier.',
  });

/**
 * @returns a fresh array, row by row
 * @throws RelearnError invalid/`onnx_tensor_type`, `onnx_tensor_too_large`, `onnx_tensor_size`
 */
export const readOnnxTensor = (tensor: OnnxTensor): Numbers => {
  const name = `Tensor "${tensor.name ?? ''}"`;
  const storage = storages.get(tensor.dataType);
  if (!storage)
    throw refuse('onnx_tensor_type', `${name} holds ${typeName(tensor.dataType)}, not numbers.`);
  const size = tensor.dims.reduce((product, extent) => product * extent, 1);
  if (tensor.dims.length > largestRank)
    throw refuse('onnx_tensor_too_large', `${name} claims ${tensor.dims.length} axes.`);
  if (tensor.dims.some((extent) => extent < 0 || extent > largestExtent) || size > largestExtent)
    throw refuse('onnx_tensor_too_large', `${name} claims the shape [${tensor.dims}].`);

  const raw = tensor.rawData;
  const stored = tensor[storage.field] ?? [];
  const given = raw?.length ? raw.length / storage.bytes : stored.length;
  if (given !== size) {
    throw refuse(
      'onnx_tensor_size',
      `${name} of shape [${tensor.dims}] and ${typeName(tensor.dataType)} needs ${size} elements, the file holds ${given}.`,
    );
  }
  if (raw?.length && tensor.dataType === onnxDataType.float32)
    return new Float32Array(new Uint8Array(raw).buffer); // a copy: fields need not be aligned
  const numbers = storage.float ? new Float32Array(size) : new Float64Array(size);
  if (raw?.length) {
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    for (let i = 0; i < size; i++) numbers[i] = storage.read(view, i * storage.bytes);
  } else {
    const convert = storage.fromField ?? ((number: number) => number);
    for (let i = 0; i < size; i++) numbers[i] = convert(stored[i] as number);
  }
  return numbers;
};
