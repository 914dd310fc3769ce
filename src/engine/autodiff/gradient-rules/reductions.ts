/** Gradients of reductions: spread over what was reduced. */
import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import type { ReductionOps } from '../../graph/ops.ts';
import { normalizeAxes } from '../../tensor/shape.ts';
import { addAlong } from './add-at-indices.ts';
import { at, type GradientRules, notDifferentiable } from './gradient-rule.ts';

/** Puts the reduced axes back as extents of 1, so that the value broadcasts over the input. */
const keepReducedAxes = (
  b: GraphBuilder,
  value: Value,
  input: Value,
  axes: readonly number[],
): Value => {
  const reduced = normalizeAxes(axes, input.shape.length);
  const shape = input.shape.map((extent, axis) => (reduced.includes(axis) ? 1 : extent));
  return b.apply('Reshape', [value], { shape });
};

const reducedCount = (input: Value, axes: readonly number[]): number =>
  normalizeAxes(axes, input.shape.length).reduce(
    (count, axis) => count * (input.shape[axis] as number),
    1,
  );

export const reductionGradients: GradientRules<ReductionOps> = {
  ReduceSum: ({ builder: b, gradient, inputs, attributes: { axes } }) => {
    const x = at(inputs, 0);
    return [b.apply('Expand', [keepReducedAxes(b, gradient, x, axes)], { shape: x.shape })];
  },
  ReduceMean: ({ builder: b, gradient, inputs, attributes: { axes } }) => {
    const x = at(inputs, 0);
    const share = b.apply('Mul', [gradient, b.scalar(1 / reducedCount(x, axes))]);
    return [b.apply('Expand', [keepReducedAxes(b, share, x, axes)], { shape: x.shape })];
  },
  // Ties share the gradient equally.
  ReduceMax: ({ builder: b, gradient, inputs, outputs, attributes: { axes } }) => {
    const x = at(inputs, 0);
    const largest = keepReducedAxes(b, at(outputs, 0), x, axes);
    const winners = b.apply('Cast', [b.apply('Equal', [x, largest])], { to: 'float32' });
    const count = b.apply('ReduceSum', [winners], { axes, keepDimensions: true });
    const share = b.apply('Div', [keepReducedAxes(b, gradient, x, axes), count]);
    return [b.apply('Mul', [winners, share])];
  },
  ArgMax: notDifferentiable,
  // Each of the k goes back to where it was found.
  TopK: ({ builder: b, gradient, inputs, outputs, attributes: { axis } }) => {
    const { shape } = at(inputs, 0);
    return [addAlong(b, gradient, { axis, indices: at(outputs, 1), shape })];
  },
};
