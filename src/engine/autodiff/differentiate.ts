/**
 * Reverse-mode differentiation as graph → graph: the backward pass is written as further nodes of
 * the same graph, so that one simplifier and one compiler serve both directions. One reverse walk,
 * rules from a table, broadcasting undone here and nowhere else; after tinygrad's gradient.py.
 */
import { RelearnError } from '../../base/errors.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import { dependents } from '../graph/dependents.ts';
import type { Node, Value } from '../graph/graph.ts';
import { broadcastAxes, sameShape } from '../tensor/shape.ts';
import type { GradientRule } from './gradient-rules/gradient-rule.ts';
import { gradientRules } from './gradient-rules.ts';
import { nearestCut, withoutGradient } from './nearest-cut.ts';

/**
 * Adds the gradients of `loss` to the graph.
 * @param loss a float32 scalar
 * @param wrt the values to differentiate with respect to
 * @returns a gradient for each of `wrt`, in order and in its shape
 * @throws RelearnError invalid/`no_gradient` where an operator on the way has no gradient (its
 *   details name the nearest cut that works), or where the loss does not depend on a value
 */
export const differentiate = (
  builder: GraphBuilder,
  loss: Value,
  wrt: readonly Value[],
): readonly Value[] => {
  const forward = [...builder.nodes];
  const reached = dependents(forward, wrt);
  const [blocked] = withoutGradient(forward, loss, wrt).toReversed();
  if (blocked) throw noGradient(blocked, nearestCut(forward, loss, wrt, blocked));
  const gradients = new Map<Value, Value>([[loss, builder.scalar(1)]]);

  for (const node of forward.reverse()) {
    const gradient = gradients.get(node.outputs[0] as Value);
    if (gradient === undefined || !node.inputs.some((input) => reached.has(input))) continue;
    const rule = gradientRules[node.op] as GradientRule<typeof node.op>;
    const parts = rule({
      builder,
      inputs: node.inputs,
      outputs: node.outputs,
      attributes: node.attributes,
      gradient,
      wanted: (index) => reached.has(node.inputs[index] as Value),
    });
    node.inputs.forEach((input, index) => {
      const part = parts[index];
      if (part === undefined || !reached.has(input)) return;
      const fitted = undoBroadcast(builder, part, input);
      const sum = gradients.get(input);
      gradients.set(input, sum ? builder.apply('Add', [sum, fitted]) : fitted);
    });
  }

  return wrt.map((value) => {
    const gradient = gradients.get(value);
    if (gradient === undefined) {
      throw new RelearnError(
        'invalid',
        'no_gradient',
        `The loss does not depend on ${value.name} in a way that has a gradient.`,
      );
    }
    return gradient;
  });
};

const noGradient = ({ op, outputs }: Node, cut: Value | undefined): RelearnError =>
  new RelearnError(
    'invalid',
    'no_gradient',
    `${op} (${outputs[0]?.name}) stands between the loss and a weight and has no gradient.`,
    {
      hint: cut
        ? `Cut the graph at ${cut.name}, the nearest value after it from which on all weights have one.`
        : 'Freeze the weights before it.',
      details: { operator: op, node: outputs[0]?.name, ...(cut ? { cut: cut.name } : {}) },
    },
  );

/** Sums over the axes along which the input was repeated. */
const undoBroadcast = (builder: GraphBuilder, gradient: Value, input: Value): Value => {
  if (sameShape(gradient.shape, input.shape)) return gradient;
  const axes = broadcastAxes(input.shape, gradient.shape);
  const summed =
    axes.length === 0
      ? gradient
      : builder.apply('ReduceSum', [gradient], { axes, keepDimensions: true });
  return sameShape(summed.shape, input.shape)
    ? summed
    : builder.apply('Reshape', [summed], { shape: input.shape });
};
