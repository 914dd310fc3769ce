/** Shapes of what lower.ts spells out. */
import type { LoweredOps } from '../ops.ts';
import { input, likeFirst, picture, type ShapeRules } from './shape-rule.ts';

export const loweredShapes: ShapeRules<LoweredOps> = {
  ScaleShift: likeFirst,
  FlipKernel: (inputs) => {
    const [k, c, r, s] = picture(input(inputs, 0));
    return [{ dtype: 'float32', shape: [c, k, r, s] }];
  },
  ConvWeightGradient: (inputs, { kernel, group }) => {
    const [, k] = picture(input(inputs, 0));
    const [, c] = picture(input(inputs, 1));
    return [{ dtype: 'float32', shape: [k, c / group, ...kernel] }];
  },
  MaxPoolGradient: (inputs) => [input(inputs, 1)],
  SideBySide: (inputs) => {
    const [n, c, h, w] = picture(input(inputs, 0));
    return [{ dtype: 'float32', shape: [1, c, h, w * n] }];
  },
  Apart: (inputs, { pictures }) => {
    const [, c, h, w] = picture(input(inputs, 0));
    return [{ dtype: 'float32', shape: [pictures, c, h, w / pictures] }];
  },
};
