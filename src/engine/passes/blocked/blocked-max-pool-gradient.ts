/** The gradient of max pooling in blocked layout. */

import type { GraphBuilder } from '../../graph/builder.ts';
import type { Node, Value } from '../../graph/graph.ts';
import type { BlockedActivation, ConvAttributes, OpAttributes } from '../../graph/ops.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { float32 } from '../../tensor/tensor.ts';
import { blockedKernel } from './blocked-kernel.ts';
import { type BlockedRule, blocked, type Layout } from './layout.ts';
import { noBias } from './no-bias.ts';
import { onePixelKernel } from './one-pixel-kernel.ts';

type Extents4 = readonly [number, number, number, number];

type PoolGradient = Node<'MaxPoolGradient'>;

/** Whether windows lie side by side and cover the picture. */
export const poolsTiles = ({ inputs, attributes }: PoolGradient): boolean => {
  const [, , h, w] = (inputs[1] as Value).shape as Extents4;
  const { kernel, strides, pads, dilations } = attributes;
  return (
    pads.every((pad) => pad === 0) &&
    dilations.every((dilation) => dilation === 1) &&
    kernel.every((size, axis) => size === strides[axis]) &&
    h % kernel[0] === 0 &&
    w % kernel[1] === 0
  );
};

/**
 * The winners of a window are the pixels that equal the pooled value; several share its gradient.
 * (Finding one winner by its index, as in plain layout, takes ONNX Runtime ten times as long.)
 */
export const blockedMaxPoolGradient: BlockedRule<'MaxPoolGradient'> = (node, layout) => {
  if (!poolsTiles(node)) return;
  const [gradient, x, y] = node.inputs as [Value, Value, Value];
  const { kernel, strides } = node.attributes;
  const { builder: b } = layout;
  const spread = (value: Value) => b.apply('BlockedUpsample', [value], { scales: kernel });
  const wins = winners(layout, layout.blocked(x), spread(layout.blocked(y)), [0, 0], [1, 1]);
  const channels = x.shape[1] as number;
  const count = b.apply('BlockedConv', [wins, onesFor(b, [channels, 1, ...kernel])], {
    ...eachChannel(channels),
    strides,
  });
  const perWinner = b.apply('Div', [layout.blocked(gradient), count]);
  return blocked(b.apply('Mul', [wins, spread(perWinner)]));
};

/** Row and column in a window. */
type Position = readonly [number, number];

/** Every window's pixel at one position. */
export interface PoolGradientPart {
  readonly at: Position;
  /** In blocked layout, of the pooled shape. */
  readonly gradient: Value;
}

/** How the pixels that were pooled are computed once more. */
export interface Recomputation {
  /** Of one channel and without a bias, so that results equal the pooled ones bit for bit. */
  readonly convolution: Node<'Conv'>;
  /** The convolution that gives the pixels at one position of each window. */
  windowAt(at: Position): ConvAttributes;
}

/**
 * The same gradient taken apart by the positions in a window, for readers who need it nowhere whole:
 * every step then works on pictures of the pooled size, and nothing is repeated to the full one.
 * Where the pixels come from a convolution of one channel, computing them again takes less time than
 * reading them, and they need not be kept.
 */
export const poolGradientParts = (
  pool: PoolGradient,
  layout: Layout,
  recomputation?: Recomputation,
): readonly PoolGradientPart[] => {
  const { builder: b } = layout;
  const { kernel } = pool.attributes;
  const [gradient, x, y] = pool.inputs as [Value, Value, Value];
  const winnersAt = recomputation
    ? (at: Position) => recomputedWinners(layout, layout.blocked(y), recomputation, at)
    : (at: Position) => winners(layout, layout.blocked(x), layout.blocked(y), at, kernel);
  const parts = Array.from({ length: sizeOf(kernel) }, (_, position) => {
    const at = [Math.floor(position / kernel[1]), position % kernel[1]] as const;
    return { at, wins: winnersAt(at) };
  });
  const counts = parts.map(({ wins }) => wins);
  const last = counts.pop() as Value;
  const others = counts.reduce<Value | undefined>(
    (sum, wins) => (sum ? b.apply('Add', [sum, wins]) : wins),
    undefined,
  );
  const count = others ? atLeastOne(layout, others, last) : last;
  const perWinner = b.apply('Div', [layout.blocked(gradient), count]);
  return parts.map(({ at, wins }) => ({ at, gradient: b.apply('Mul', [wins, perWinner]) }));
};

/**
 * The number of winners, one pass. Should some processor's kernels compute a pixel in two ways, a
 * window without a winner loses its gradient; it must not divide by zero.
 */
const atLeastOne = (layout: Layout, counts: Value, wins: Value): Value => {
  const channels = wins.shape[1] as number;
  const { builder: b } = layout;
  return b.apply(
    'BlockedConv',
    [wins, onesFor(b, [channels, 1, 1, 1]), noBias(b, channels), counts],
    eachChannel(channels, 'AtLeastOne'),
  );
};

const onesFor = (b: GraphBuilder, shape: Extents4): Value =>
  b.constant(float32(shape, new Float32Array(sizeOf(shape)).fill(1)), 'ones');

/** 1 where y − x ≤ 0, x computed by the way. */
const recomputedWinners = (
  layout: Layout,
  y: Value,
  { convolution, windowAt }: Recomputation,
  at: Position,
): Value => {
  const { builder: b } = layout;
  const [picture, weight] = convolution.inputs as [Value, Value];
  const negative = b.apply('Neg', [blockedKernel(weight, layout)]);
  const bias = noBias(b, weight.shape[0] as number);
  return b.apply('BlockedConv', [layout.plain(picture), negative, bias, y], {
    ...windowAt(at),
    activation: 'IsNotPositive',
  });
};

const eachChannel = (
  channels: number,
  activation?: BlockedActivation,
): OpAttributes['BlockedConv'] => ({
  strides: [1, 1],
  pads: [0, 0, 0, 0],
  dilations: [1, 1],
  group: channels,
  ...(activation ? { activation } : {}),
});

/**
 * 1 where `most` − x ≤ 0: one pass, as a convolution of each channel by itself whose kernel picks
 * the pixel `at` steps into each stride.
 */
const winners = (
  layout: Layout,
  x: Value,
  most: Value,
  at: readonly [number, number],
  strides: readonly [number, number],
): Value => {
  const { builder: b } = layout;
  const channels = x.shape[1] as number;
  const size = [at[0] + 1, at[1] + 1] as const;
  const pick = onePixelKernel(layout, channels, size, sizeOf(size) - 1, -1);
  return b.apply('BlockedConv', [x, pick, noBias(layout.builder, channels), most], {
    ...eachChannel(channels, 'IsNotPositive'),
    strides,
  });
};
