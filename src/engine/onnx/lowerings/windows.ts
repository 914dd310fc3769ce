/** Padding rules of ONNX's windows, and normalization in groups of channels. */

import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import type { OpAttributes, Window } from '../../graph/ops.ts';
import { float32 } from '../../tensor/tensor.ts';
import { type Lowering, unary } from './lowering.ts';

export type Pads = readonly [top: number, left: number, bottom: number, right: number];
type Pair = readonly [rows: number, columns: number];

export interface SamePaddingOptions {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly dilations: Pair;
  /** Where an odd amount has its larger half: after (upper) or before (lower) the picture. */
  readonly larger: 'upper' | 'lower';
}

/** The padding of auto_pad SAME_UPPER and SAME_LOWER: extent / stride outputs, rounded up. */
export const samePadding = (
  extents: Pair,
  { kernel, strides, dilations, larger }: SamePaddingOptions,
): Pads => {
  const [[top, bottom], [left, right]] = ([0, 1] as const).map((axis) => {
    const outputs = Math.ceil(extents[axis] / strides[axis]);
    const reach = (kernel[axis] - 1) * dilations[axis] + 1;
    const total = Math.max((outputs - 1) * strides[axis] + reach - extents[axis], 0);
    const [small, large] = [Math.floor(total / 2), Math.ceil(total / 2)];
    return larger === 'upper' ? [small, large] : [large, small];
  }) as unknown as [Pair, Pair];
  return [top, left, bottom, right];
};

type Ceil = { readonly ceilMode: boolean };

/** Padding with which rounding down counts the windows that ceil_mode counts. */
const ceilPadding = (
  extents: Pair,
  { kernel, strides, pads, dilations }: OpAttributes['MaxPool'],
): Pads => {
  const [bottom, right] = ([0, 1] as const).map((axis) => {
    const [before, after] = [pads[axis], pads[(axis + 2) as 2 | 3]];
    const reach = (kernel[axis] - 1) * dilations[axis] + 1;
    const room = extents[axis] + before + after - reach;
    let last = Math.ceil(room / strides[axis]);
    // A window that would begin behind the picture is none.
    if (last * strides[axis] >= extents[axis] + before) last--;
    return after + Math.max(last * strides[axis] - room, 0);
  }) as [number, number];
  return [pads[0], pads[1], bottom, right];
};

/** |x|^p, and what undoes it for a sum of such. */
const norms = (b: GraphBuilder, p: number) => ({
  power: (x: Value): Value => {
    if (p === 1) return b.apply('Abs', [x]);
    return p === 2 ? b.apply('Mul', [x, x]) : b.apply('Pow', [b.apply('Abs', [x]), b.scalar(p)]);
  },
  root: (sum: Value): Value => {
    if (p === 1) return sum;
    if (p === 2) return b.apply('Sqrt', [sum]);
    // At zero its slope has no bound.
    return b.apply('Pow', [b.apply('Max', [sum, b.scalar(1e-30)]), b.scalar(1 / p)]);
  },
});

const extentsOf = ({ shape }: Value): Pair => [shape[2] as number, shape[3] as number];

export const windowLowerings = {
  MaxPool: unary<OpAttributes['MaxPool'] & Ceil>((b, x, { ceilMode, ...window }) => {
    const pads = ceilMode ? ceilPadding(extentsOf(x), window) : window.pads;
    return b.apply('MaxPool', [x], { ...window, pads });
  }),
  /** With ceil_mode the padding that was asked for may count, what rounding up adds never does. */
  AveragePool: unary<OpAttributes['AveragePool'] & Ceil>((b, x, { ceilMode, ...pool }) => {
    if (!ceilMode) return b.apply('AveragePool', [x], pool);
    const [top, left, bottom, right] = pool.pads;
    const counted = pool.countIncludePad && pool.pads.some((pad) => pad !== 0);
    const padded = counted
      ? b.apply('Pad', [x], { pads: [0, 0, top, left, 0, 0, bottom, right] })
      : x;
    const window = { ...pool, pads: counted ? ([0, 0, 0, 0] as const) : pool.pads };
    return b.apply('AveragePool', [padded], {
      ...window,
      pads: ceilPadding(extentsOf(padded), { ...window, dilations: [1, 1] }),
      countIncludePad: false,
    });
  }),
  /** The p-norm of each window, padding being zeros: from the mean, which counts them. */
  LpPool: unary<Window & { readonly p: number }>((b, x, { p, ...window }) => {
    const { power, root } = norms(b, p);
    const mean = b.apply('AveragePool', [power(x)], { ...window, countIncludePad: true });
    return root(b.apply('Mul', [mean, b.scalar(window.kernel[0] * window.kernel[1])]));
  }),
  GlobalLpPool: unary<{ readonly p: number }>((b, x, { p }) => {
    const { power, root } = norms(b, p);
    return root(b.apply('ReduceSum', [power(x)], { axes: [2, 3], keepDimensions: true }));
  }),
  /**
   * X [N,C,…], scale and bias [C] (opset 21) or [groups] (opset 18): each group of channels is
   * normalized as one channel of an instance normalization (Wu and He 2018).
   */
  GroupNormalization: ((b, inputs, { groups, epsilon }) => {
    const [x, scale, bias] = inputs as [Value, Value, Value];
    const [n, channels, ...extents] = x.shape as [number, number, ...number[]];
    const shape = [n, groups, (channels / groups) * extents.reduce((a, e) => a * e, 1)];
    const filled = (number: number) =>
      b.constant(float32([groups], new Float32Array(groups).fill(number)), 'groups');
    const grouped = b.apply('Reshape', [x], { shape });
    const [one, zero] = [filled(1), filled(0)];
    const normalized = b.apply('InstanceNormalization', [grouped, one, zero], { epsilon });
    const perChannel = scale.shape[0] === channels;
    const apart = perChannel
      ? [n, channels, ...extents]
      : [n, groups, channels / groups, ...extents];
    const ones = apart.slice(2).map(() => 1);
    const along = (value: Value) =>
      b.apply('Reshape', [value], { shape: [value.shape[0] as number, ...ones] });
    const product = b.apply('Mul', [
      b.apply('Reshape', [normalized], { shape: apart }),
      along(scale),
    ]);
    const sum = b.apply('Add', [product, along(bias)]);
    return [perChannel ? sum : b.apply('Reshape', [sum], { shape: x.shape })];
  }) as Lowering<{ readonly groups: number; readonly epsilon: number }>,
};
