/** Shapes of reductions. */
import { normalizeAxes } from '../../tensor/shape.ts';
import type { ReductionOps } from '../ops.ts';
import { axisOf, input, mismatch, type ShapeRule, type ShapeRules } from './shape-rule.ts';

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
  TopK: (inputs, { axis, k }) => {
    const x = input(inputs, 0);
    const extent = x.shape[axisOf(x, axis)] as number;
    if (k < 1 || k > extent) throw mismatch(`there are no ${k} largest of ${extent}`);
    const shape = x.shape.with(axis, k);
    return [
      { dtype: x.dtype, shape },
      { dtype: 'int64', shape },
    ];
  },
};
