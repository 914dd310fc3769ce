/** The formula of scripts/make-golden.py, so that golden numbers need no stored weights. */
import { crc32 } from 'node:zlib';
import { type Shape, sizeOf } from '../src/engine/tensor/shape.ts';

/** Numbers in [0, 1) from a name and an index. */
export const uniform = (name: string, size: number): Float64Array => {
  const shift = crc32(name);
  const numbers = new Float64Array(size);
  for (let index = 0; index < size; index++) {
    let mixed = (Math.imul(index, 2654435761) + shift) >>> 0;
    mixed = (mixed ^ (mixed >>> 15)) >>> 0;
    mixed = Math.imul(mixed, 2246822519) >>> 0;
    numbers[index] = ((mixed ^ (mixed >>> 13)) >>> 0) / 2 ** 32;
  }
  return numbers;
};

/** Kernels: uniform with variance 2 / inputs. Scales near 1, everything else near 0. */
export const initialWeight = (name: string, shape: Shape): Float32Array => {
  const values = Float32Array.from(uniform(name, sizeOf(shape)));
  const near = /(scale|variance)$/.test(name) ? 1 : 0;
  const limit = shape.length > 1 ? Math.sqrt(6 / sizeOf(shape.slice(1))) : 0.1;
  for (let i = 0; i < values.length; i++)
    values[i] = near + limit * (2 * (values[i] as number) - 1);
  return values;
};
