/** Shapes of normalizations: all keep their input's. */
import type { NormalizationOps } from '../ops.ts';
import { axisOf, input, mismatch, type ShapeRules } from './shape-rule.ts';

export const normalizationShapes: ShapeRules<NormalizationOps> = {
  BatchNormalization: (inputs, { training }) => {
    const x = input(inputs, 0);
    const scale = input(inputs, 1);
    if (scale.shape[0] !== x.shape[1])
      throw mismatch(`${x.name} [${x.shape}] is scaled by [${scale.shape}]`);
    return training ? [x, scale, scale] : [x];
  },
  LayerNormalization: (inputs, { axis }) => {
    const x = input(inputs, 0);
    axisOf(x, axis);
    const statistic = {
      dtype: x.dtype,
      shape: x.shape.map((extent, i) => (i < axis ? extent : 1)),
    };
    return [x, statistic, statistic];
  },
  InstanceNormalization: (inputs) => {
    const [x, scale] = [input(inputs, 0), input(inputs, 1)];
    if (scale.shape[0] !== x.shape[1])
      throw mismatch(`${x.name} [${x.shape}] is scaled by [${scale.shape}]`);
    return [x];
  },
  LRN: (inputs, { size }) => {
    if (size % 2 === 0) throw mismatch(`LRN over ${size} channels: the number must be odd`);
    return [input(inputs, 0)];
  },
};
