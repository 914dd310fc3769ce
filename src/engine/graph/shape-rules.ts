/** What each operator makes of the shapes and types it is given. */
import { RelearnError } from '../../base/errors.ts';
import { broadcastShapes, normalizeAxes, type Shape, sameShape, sizeOf } from '../tensor/shape.ts';
import type { Dtype } from '../tensor/tensor.ts';
import type { Value } from './graph.ts';
import type { OpAttributes, OpType } from './ops.ts';

interface Typed {
  readonly dtype: Dtype;
  readonly shape: Shape;
}

export type ShapeRule<Op extends OpType> = (
  inputs: readonly Value[],
  attributes: OpAttributes[Op],
) => readonly Typed[];

const mismatch = (message: string): RelearnError =>
  new RelearnError('internal', 'shape_mismatch', message);

const input = (inputs: readonly Value[], index: number): Value => {
  const value = inputs[index];
  if (value === undefined) throw mismatch(`input ${index} is missing`);
  return value;
};

/** The extents [N, C, H, W] of a picture-shaped value. */
const picture = (value: Value): readonly [number, number, number, number] => {
  if (value.shape.length !== 4) throw mismatch(`${value.name} [${value.shape}] is not [N,C,H,W]`);
  return value.shape as readonly [number, number, number, number];
};

const unary: ShapeRule<OpType> = (inputs) => [input(inputs, 0)];

const elementwise =
  (dtype?: Dtype): ShapeRule<OpType> =>
  (inputs) => {
    const [a, b] = [input(inputs, 0), input(inputs, 1)];
    if (a.dtype !== b.dtype) throw mismatch(`${a.name} is ${a.dtype}, ${b.name} is ${b.dtype}`);
    return [{ dtype: dtype ?? a.dtype, shape: broadcastShapes(a.shape, b.shape) }];
  };

const reduction: ShapeRule<'ReduceSum' | 'ReduceMean' | 'ReduceMax'> = (inputs, attributes) => {
  const x = input(inputs, 0);
  const axes = normalizeAxes(attributes.axes, x.shape.length);
  const shape = attributes.keepDimensions
    ? x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent))
    : x.shape.filter((_, axis) => !axes.includes(axis));
  return [{ dtype: x.dtype, shape }];
};

/** One spatial extent of a convolution or pool. */
const windowExtent = (
  extent: number,
  kernel: number,
  stride: number,
  before: number,
  after: number,
): number => Math.floor((extent + before + after - kernel) / stride) + 1;

const pool: ShapeRule<'MaxPool' | 'AveragePool'> = (inputs, { kernel, strides, pads }) => {
  const [n, c, h, w] = picture(input(inputs, 0));
  const shape = [
    n,
    c,
    windowExtent(h, kernel[0], strides[0], pads[0], pads[2]),
    windowExtent(w, kernel[1], strides[1], pads[1], pads[3]),
  ];
  return [{ dtype: 'float32', shape }];
};

const product = (a: Value, b: Value, transA: boolean, transB: boolean): Typed => {
  const last = (shape: Shape): readonly [number, number] => [
    shape.at(-2) as number,
    shape.at(-1) as number,
  ];
  if (a.shape.length < 2 || b.shape.length < 2) throw mismatch('a matrix product takes matrices');
  const [rowsA, columnsA] = last(a.shape);
  const [rowsB, columnsB] = last(b.shape);
  const [m, k] = transA ? [columnsA, rowsA] : [rowsA, columnsA];
  const [k2, n] = transB ? [columnsB, rowsB] : [rowsB, columnsB];
  if (k !== k2) throw mismatch(`product of [${a.shape}] and [${b.shape}]: ${k} against ${k2}`);
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  return { dtype: 'float32', shape: [...batch, m, n] };
};

export const shapeRules: { readonly [Op in OpType]: ShapeRule<Op> } = {
  Add: elementwise(),
  Sub: elementwise(),
  Mul: elementwise(),
  Div: elementwise(),
  Neg: unary,
  Exp: unary,
  Log: unary,
  Sqrt: unary,
  Reciprocal: unary,
  Relu: unary,
  Sigmoid: unary,
  Softmax: unary,
  LogSoftmax: unary,
  Greater: elementwise('bool'),
  Equal: elementwise('bool'),
  Where: (inputs) => {
    const [condition, yes, no] = [input(inputs, 0), input(inputs, 1), input(inputs, 2)];
    const branches = broadcastShapes(yes.shape, no.shape);
    return [{ dtype: yes.dtype, shape: broadcastShapes(condition.shape, branches) }];
  },
  Cast: (inputs, { to }) => [{ dtype: to, shape: input(inputs, 0).shape }],
  Reshape: (inputs, { shape }) => {
    const x = input(inputs, 0);
    if (sizeOf(shape) !== sizeOf(x.shape))
      throw mismatch(`${x.name} [${x.shape}] does not reshape to [${shape}]`);
    return [{ dtype: x.dtype, shape }];
  },
  Expand: (inputs, { shape }) => {
    const x = input(inputs, 0);
    if (!sameShape(broadcastShapes(x.shape, shape), shape))
      throw mismatch(`${x.name} [${x.shape}] does not expand to [${shape}]`);
    return [{ dtype: x.dtype, shape }];
  },
  Transpose: (inputs, { permutation }) => {
    const x = input(inputs, 0);
    return [{ dtype: x.dtype, shape: permutation.map((axis) => x.shape[axis] as number) }];
  },
  Slice: (inputs, { starts, ends, axes, steps }) => {
    const x = input(inputs, 0);
    const shape = [...x.shape];
    axes.forEach((axis, i) => {
      const extent = shape[axis] as number;
      const step = steps[i] as number;
      // Bounds clamp as ONNX does: to [0, extent] forwards and to [-1, extent-1] backwards.
      const clamp = (bound: number) => {
        const counted = bound < 0 ? bound + extent : bound;
        return step > 0
          ? Math.min(Math.max(counted, 0), extent)
          : Math.min(Math.max(counted, -1), extent - 1);
      };
      const length = Math.ceil((clamp(ends[i] as number) - clamp(starts[i] as number)) / step);
      shape[axis] = Math.max(0, length);
    });
    return [{ dtype: x.dtype, shape }];
  },
  Concat: (inputs, { axis }) => {
    const first = input(inputs, 0);
    const extent = inputs.reduce((sum, value) => sum + (value.shape[axis] as number), 0);
    return [{ dtype: first.dtype, shape: first.shape.map((e, i) => (i === axis ? extent : e)) }];
  },
  Pad: (inputs, { pads }) => {
    const x = input(inputs, 0);
    const rank = x.shape.length;
    const shape = x.shape.map(
      (extent, axis) => extent + (pads[axis] as number) + (pads[axis + rank] as number),
    );
    return [{ dtype: x.dtype, shape }];
  },
  ReduceSum: reduction,
  ReduceMean: reduction,
  ReduceMax: reduction,
  ArgMax: (inputs, { axis }) => [
    { dtype: 'int64', shape: input(inputs, 0).shape.filter((_, i) => i !== axis) },
  ],
  MatMul: (inputs) => [product(input(inputs, 0), input(inputs, 1), false, false)],
  FusedMatMul: (inputs, { transA, transB }) => [
    product(input(inputs, 0), input(inputs, 1), transA, transB),
  ],
  Gemm: (inputs, { transA, transB }) => [
    product(input(inputs, 0), input(inputs, 1), transA, transB),
  ],
  Conv: (inputs, { strides, pads, dilations, group }) => {
    const [n, c, h, w] = picture(input(inputs, 0));
    const [k, channels, r, s] = picture(input(inputs, 1));
    if (c !== channels * group)
      throw mismatch(`${c} channels, the kernel takes ${channels} × ${group}`);
    const shape = [
      n,
      k,
      windowExtent(h, (r - 1) * dilations[0] + 1, strides[0], pads[0], pads[2]),
      windowExtent(w, (s - 1) * dilations[1] + 1, strides[1], pads[1], pads[3]),
    ];
    return [{ dtype: 'float32', shape }];
  },
  ConvTranspose: (inputs, { strides, pads, dilations, group, outputPadding }) => {
    const [n, , h, w] = picture(input(inputs, 0));
    const [, channels, r, s] = picture(input(inputs, 1));
    const extent = (size: number, kernel: number, axis: 0 | 1) =>
      (size - 1) * strides[axis] +
      (kernel - 1) * dilations[axis] +
      1 -
      pads[axis] -
      pads[(axis + 2) as 2 | 3] +
      outputPadding[axis];
    return [{ dtype: 'float32', shape: [n, channels * group, extent(h, r, 0), extent(w, s, 1)] }];
  },
  MaxPool: (inputs, attributes) => {
    const [pooled] = pool(inputs, attributes) as [Typed];
    return [pooled, { dtype: 'int64', shape: pooled.shape }];
  },
  MaxUnpool: (_, { shape }) => [{ dtype: 'float32', shape }],
  AveragePool: pool,
  BatchNormalization: (inputs, { training }) => {
    const x = input(inputs, 0);
    const scale = input(inputs, 1);
    return training ? [x, scale, scale] : [x];
  },
};
