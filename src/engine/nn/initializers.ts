/** How weights start. Each returns a function that fills a shape from a seeded source. */
import type { Parameter } from '../graph/graph.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';

export type Initializer = (shape: Shape) => Parameter['initialize'];

/** Inputs and outputs of one unit: a kernel [K,C,r,s] or a matrix [outputs, inputs]. */
const fans = (shape: Shape): { readonly in: number; readonly out: number } => {
  const [outputs = 1, inputs = 1, ...window] = shape;
  const area = sizeOf(window);
  return { in: inputs * area, out: outputs * area };
};

const fill = (size: number, next: () => number): Float32Array => {
  const data = new Float32Array(size);
  for (let i = 0; i < size; i++) data[i] = next();
  return data;
};

export const constantFill =
  (value: number): Initializer =>
  (shape) =>
  () =>
    new Float32Array(sizeOf(shape)).fill(value);

/** Glorot and Bengio 2010: uniform in ±√(6 / (in + out)). */
export const glorotUniform: Initializer = (shape) => (random) => {
  const fan = fans(shape);
  const limit = Math.sqrt(6 / (fan.in + fan.out));
  return fill(sizeOf(shape), () => (2 * random.next() - 1) * limit);
};

/** He et al. 2015, for ReLU networks: normal with variance 2 / out. */
export const heNormal: Initializer = (shape) => (random) => {
  const deviation = Math.sqrt(2 / fans(shape).out);
  return fill(sizeOf(shape), () => random.normal() * deviation);
};
