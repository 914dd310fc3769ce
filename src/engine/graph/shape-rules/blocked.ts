/** Shapes of the blocked layout's operators: those of their plain twins. */
import type { BlockedOps } from '../ops.ts';
import { input, likeFirst, picture, type ShapeRules } from './shape-rule.ts';
import { windowShapes } from './windows.ts';

export const blockedShapes: ShapeRules<BlockedOps> = {
  ToBlocked: likeFirst,
  FromBlocked: likeFirst,
  BlockedConv: (inputs, attributes) => windowShapes.Conv(inputs, attributes),
  BlockedMaxPool: (inputs, attributes) =>
    windowShapes.MaxPool(inputs, { ...attributes, dilations: [1, 1] }).slice(0, 1),
  BlockedGlobalAveragePool: (inputs) => {
    const [n, c] = picture(input(inputs, 0));
    return [{ dtype: 'float32', shape: [n, c, 1, 1] }];
  },
  BlockedUpsample: (inputs, { scales }) => {
    const [n, c, h, w] = picture(input(inputs, 0));
    return [{ dtype: 'float32', shape: [n, c, h * scales[0], w * scales[1]] }];
  },
};
