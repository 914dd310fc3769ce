/** Shapes of convolutions and pools. */
import type { WindowOps } from '../ops.ts';
import {
  input,
  likeFirst,
  mismatch,
  picture,
  type ShapeRule,
  type ShapeRules,
} from './shape-rule.ts';

/** One spatial extent of a convolution or pool. */
const windowExtent = (
  extent: number,
  kernel: number,
  stride: number,
  before: number,
  after: number,
): number => {
  const room = extent + before + after - kernel;
  if (room < 0) throw mismatch(`a window of ${kernel} does not fit in ${extent + before + after}`);
  return Math.floor(room / stride) + 1;
};

const pool: ShapeRule<'MaxPool' | 'AveragePool'> = (inputs, attributes) => {
  const [n, c, h, w] = picture(input(inputs, 0));
  const { kernel, strides, pads } = attributes;
  const dilations = 'dilations' in attributes ? attributes.dilations : [1, 1];
  const reach = kernel.map((size, axis) => (size - 1) * (dilations[axis] as number) + 1);
  const shape = [
    n,
    c,
    windowExtent(h, reach[0] as number, strides[0], pads[0], pads[2]),
    windowExtent(w, reach[1] as number, strides[1], pads[1], pads[3]),
  ];
  return [{ dtype: 'float32', shape }];
};

export const windowShapes: ShapeRules<WindowOps> = {
  Conv: (inputs, { strides, pads, dilations, group }) => {
    const [n, c, h, w] = picture(input(inputs, 0));
    const [k, channels, r, s] = picture(input(inputs, 1));
    if (c !== channels * group)
      throw mismatch(`${c} channels, the kernel takes ${channels} × ${group}`);
    if (k % group !== 0) throw mismatch(`${k} filters do not divide into ${group} groups`);
    const shape = [
      n,
      k,
      windowExtent(h, (r - 1) * dilations[0] + 1, strides[0], pads[0], pads[2]),
      windowExtent(w, (s - 1) * dilations[1] + 1, strides[1], pads[1], pads[3]),
    ];
    return [{ dtype: 'float32', shape }];
  },
  ConvTranspose: (inputs, { strides, pads, dilations, group, outputPadding }) => {
    const [n, c, h, w] = picture(input(inputs, 0));
    const [k, channels, r, s] = picture(input(inputs, 1));
    if (c !== k || k % group !== 0)
      throw mismatch(`${c} channels, the kernel takes ${k} in ${group} groups`);
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
    const [{ dtype, shape }] = pool(inputs, attributes) as [{ dtype: 'float32'; shape: number[] }];
    return [
      { dtype, shape },
      { dtype: 'int64', shape },
    ];
  },
  MaxUnpool: (_, { shape }) => [{ dtype: 'float32', shape }],
  ScatterElements: likeFirst,
  AveragePool: pool,
  GridSample: (inputs) => {
    const [n, c] = picture(input(inputs, 0));
    const [places, height, width, coordinates] = picture(input(inputs, 1));
    if (places !== n || coordinates !== 2)
      throw mismatch(`a grid of [${input(inputs, 1).shape}] names no places in ${n} pictures`);
    return [{ dtype: 'float32', shape: [n, c, height, width] }];
  },
};
