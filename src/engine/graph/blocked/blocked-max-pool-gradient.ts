/** The gradient of max pooling in blocked layout. */
import { sizeOf } from '../../tensor/shape.ts';
import type { Value } from '../graph.ts';
import { isNotNegative } from '../steps.ts';
import { type BlockedRule, blocked } from './layout.ts';

type Extents4 = readonly [number, number, number, number];

/**
 * The winners of a window are the pixels that equal the pooled value; several share its gradient.
 * (Finding one winner by its index, as in plain layout, takes ONNX Runtime ten times as long.)
 */
export const blockedMaxPoolGradient: BlockedRule<'MaxPoolGradient'> = (node, layout) => {
  const [gradient, x, y] = node.inputs as [Value, Value, Value];
  const { kernel, strides, pads, dilations } = node.attributes;
  const [, , h, w] = x.shape as Extents4;
  const tiles =
    pads.every((pad) => pad === 0) &&
    dilations.every((dilation) => dilation === 1) &&
    kernel.every((size, axis) => size === strides[axis]) &&
    h % kernel[0] === 0 &&
    w % kernel[1] === 0;
  if (!tiles) return;
  const { builder: b } = layout;
  const spread = (value: Value) => b.apply('BlockedUpsample', [value], { scales: kernel });
  const behind = b.apply('Sub', [layout.blocked(x), spread(layout.blocked(y))]);
  const wins = isNotNegative(b, behind);
  const share = b.apply('BlockedAveragePool', [wins], { kernel, strides, pads });
  const perWinner = b.apply('Mul', [
    b.apply('Div', [layout.blocked(gradient), share]),
    b.scalar(1 / sizeOf(kernel)),
  ]);
  return blocked(b.apply('Mul', [wins, spread(perWinner)]));
};
