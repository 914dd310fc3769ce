/**
 * A tensor whose numbers are known while a graph is read: a weight, an index, a shape. Copies along
 * strides are the one movement that slicing, transposing, expanding and broadcasting need.
 */
import { RelearnError } from '../../base/errors.ts';
import { type OnnxTensor, onnxDataType } from '../../formats/onnx.ts';
import { readOnnxTensor } from '../../formats/onnx-tensor.ts';
import { type Shape, sameShape, sizeOf } from '../tensor/shape.ts';
import type { Dtype } from '../tensor/tensor.ts';

export type LiteralKind = 'float' | 'integer' | 'boolean';

export interface Literal {
  readonly kind: LiteralKind;
  readonly shape: Shape;
  /** float: rounded to float32. integer and boolean: exact up to 2⁵³. */
  readonly data: Float32Array | Float64Array;
  /** Comes from the file's stored weights, so training may change it; else it is part of the code. */
  readonly stored: boolean;
}

const floats: readonly number[] = [
  onnxDataType.float32,
  onnxDataType.float64,
  onnxDataType.float16,
  onnxDataType.bfloat16,
];

export const kindOfDataType = (dataType: number): LiteralKind => {
  if (floats.includes(dataType)) return 'float';
  return dataType === onnxDataType.bool ? 'boolean' : 'integer';
};

/** How a graph computes with each kind: half and double precision are float32 here. */
export const dtypeOfKind: Readonly<Record<LiteralKind, Dtype>> = {
  float: 'float32',
  integer: 'int64',
  boolean: 'bool',
};

/** @throws RelearnError invalid/`onnx_tensor_type`, `onnx_tensor_too_large`, `onnx_tensor_size` */
export const literalFromOnnx = (tensor: OnnxTensor, stored: boolean): Literal => ({
  kind: kindOfDataType(tensor.dataType),
  shape: tensor.dims,
  data: readOnnxTensor(tensor),
  stored,
});

/** Larger results come from no classifier: a hostile file would ask for them to fill the memory. */
const mostElements = 2 ** 27;

/** @throws RelearnError invalid/`onnx_tensor_too_large` */
export const emptyLiteral = (kind: LiteralKind, shape: Shape, stored = false): Literal => {
  const size = sizeOf(shape);
  if (!(size <= mostElements)) {
    throw new RelearnError(
      'invalid',
      'onnx_tensor_too_large',
      `The file computes a constant of shape [${shape}].`,
      { hint: 'Use a file that an exporter wrote for one picture classifier.' },
    );
  }
  const data = kind === 'float' ? new Float32Array(size) : new Float64Array(size);
  return { kind, shape, data, stored };
};

export const integers = (values: readonly number[], shape: Shape = [values.length]): Literal => ({
  kind: 'integer',
  shape,
  data: Float64Array.from(values),
  stored: false,
});

/** Elements from one row-major neighbour to the next along each axis. */
export const stridesOf = (shape: Shape): number[] =>
  shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));

/** result[i, j, …] = source[offset + i·strides[0] + j·strides[1] + …] */
export const copyStrided = (
  source: Literal,
  shape: Shape,
  strides: readonly number[],
  offset = 0,
): Literal => {
  const result = emptyLiteral(source.kind, shape, source.stored);
  const index = shape.map(() => 0);
  // Rows along the last axis are copied in one go: weights have millions of numbers.
  const row = shape.at(-1) ?? 1;
  const step = strides.at(-1) ?? 0;
  let from = offset;
  for (let start = 0; start < result.data.length; start += row) {
    for (let i = 0; i < row; i++) result.data[start + i] = source.data[from + i * step] as number;
    for (let axis = shape.length - 2; axis >= 0; axis--) {
      const stride = strides[axis] as number;
      from += stride;
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      from -= stride * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return result;
};

/** Repeats a literal to a wider shape (NumPy's rules). */
export const expandLiteral = (source: Literal, shape: Shape): Literal => {
  if (sameShape(source.shape, shape)) return source;
  const own = stridesOf(source.shape);
  const missing = shape.length - source.shape.length;
  const strides = shape.map((_, axis) =>
    axis < missing || source.shape[axis - missing] === 1 ? 0 : (own[axis - missing] as number),
  );
  return copyStrided(source, shape, strides);
};
