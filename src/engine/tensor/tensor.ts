/** A dense, row-major tensor in JavaScript memory. */
import { RelearnError } from '../../base/errors.ts';
import { type Shape, sizeOf } from './shape.ts';

interface ArrayOf {
  float32: Float32Array;
  int32: Int32Array;
  int64: BigInt64Array;
  uint8: Uint8Array;
  bool: Uint8Array;
}

export type Dtype = keyof ArrayOf;

export interface Tensor<D extends Dtype = Dtype> {
  readonly dtype: D;
  readonly shape: Shape;
  readonly data: ArrayOf[D];
}

/** @throws RelearnError internal/`shape_mismatch` where the data do not fill the shape */
export const tensor = <D extends Dtype>(dtype: D, shape: Shape, data: ArrayOf[D]): Tensor<D> => {
  if (data.length !== sizeOf(shape)) {
    throw new RelearnError(
      'internal',
      'shape_mismatch',
      `${data.length} elements do not fill shape [${shape}]`,
    );
  }
  return { dtype, shape, data };
};

export const float32 = (shape: Shape, data: Float32Array | readonly number[]): Tensor<'float32'> =>
  tensor('float32', shape, data instanceof Float32Array ? data : Float32Array.from(data));

export const scalar = (value: number): Tensor<'float32'> => float32([], [value]);
