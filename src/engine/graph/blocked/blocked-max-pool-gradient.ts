/** The gradient of max pooling in blocked layout. */
import { sizeOf } from '../../tensor/shape.ts';
import { float32 } from '../../tensor/tensor.ts';
import type { Node, Value } from '../graph.ts';
import { type BlockedRule, blocked, type Layout } from './layout.ts';
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
  const { kernel, strides, pads } = node.attributes;
  const { builder: b } = layout;
  const spread = (value: Value) => b.apply('BlockedUpsample', [value], { scales: kernel });
  const behind = spread(b.apply('Neg', [layout.blocked(y)]));
  const wins = winners(layout, layout.blocked(x), behind, [0, 0], [1, 1]);
  const share = b.apply('BlockedAveragePool', [wins], { kernel, strides, pads });
  const perWinner = b.apply('Mul', [
    b.apply('Div', [layout.blocked(gradient), share]),
    b.scalar(1 / sizeOf(kernel)),
  ]);
  return blocked(b.apply('Mul', [wins, spread(perWinner)]));
};

/** Every window's pixel at one position. */
export interface PoolGradientPart {
  readonly row: number;
  readonly column: number;
  /** In blocked layout, of the pooled shape. */
  readonly gradient: Value;
}

/**
 * The same gradient taken apart by the positions in a window, for readers who need it nowhere whole:
 * every step then works on pictures of the pooled size, and nothing is repeated to the full one.
 */
export const poolGradientParts = (
  { inputs, attributes: { kernel } }: PoolGradient,
  layout: Layout,
): readonly PoolGradientPart[] => {
  const { builder: b } = layout;
  const [gradient, x, y] = inputs.map(layout.blocked) as [Value, Value, Value];
  const behind = b.apply('Neg', [y]);
  const parts = Array.from({ length: sizeOf(kernel) }, (_, position) => {
    const at = [Math.floor(position / kernel[1]), position % kernel[1]] as const;
    return { at, wins: winners(layout, x, behind, at, kernel) };
  });
  const count = parts.map(({ wins }) => wins).reduce((sum, wins) => b.apply('Add', [sum, wins]));
  const perWinner = b.apply('Div', [gradient, count]);
  return parts.map(({ at: [row, column], wins }) => ({
    row,
    column,
    gradient: b.apply('Mul', [wins, perWinner]),
  }));
};

/**
 * 1 where x + `behind` ≥ 0: one pass, as a convolution of each channel by itself whose kernel picks
 * the pixel `at` steps into each stride.
 */
const winners = (
  layout: Layout,
  x: Value,
  behind: Value,
  at: readonly [number, number],
  strides: readonly [number, number],
): Value => {
  const { builder: b } = layout;
  const channels = x.shape[1] as number;
  const size = [at[0] + 1, at[1] + 1] as const;
  const zeros = b.constant(float32([channels], new Float32Array(channels)), 'zeros');
  const pick = onePixelKernel(layout, channels, size, sizeOf(size) - 1);
  return b.apply('BlockedConv', [x, pick, zeros, behind], {
    strides,
    pads: [0, 0, 0, 0],
    dilations: [1, 1],
    group: channels,
    activation: 'IsNotNegative',
  });
};
