/** Shapes of reductions. */
import { normalizeAxes } from '../../tensor/shape.ts';
import type { ReductionOps } from '../ops.ts';
import { axisOf, input, type ShapeRule, type ShapeRules } from './shape-rule.ts';

const reduction: ShapeRule<'ReduceSum' | 'ReduceMean' | 'ReduceMax'> = (inputs, attributes) => {
  const x = input(inputs, 0);
  const axes = normalizeAxes(attributes.axes, x.shape.length).map((axis) => axisOf(x, axis));
  const shape = attributes.keepDimensions
    ? x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent))
    : x.shape.filter((_, axis) => !axes.includes(axis));
  return [{ dtype: x.dtype, shape }];
};

export const reductionShapes: ShapeRules<ReductionOps> = {
  ReduceSum: reduction,
  ReduceMean: reduction,
  ReduceMax: reduction,
  ArgMax: (inputs, { axis }) => [
    { dtype: 'int64', shape: input(inputs, 0).shape.filter((_, i) => i !== axis) },
  ],
};
