/** Where to cut a graph so that what comes after an operator without a gradient can be trained. */
import { findBoundaries } from '../graph/boundaries.ts';
import { dependents } from '../graph/dependents.ts';
import type { Node, Value } from '../graph/graph.ts';
import { notDifferentiable } from './gradient-rules/gradient-rule.ts';
import { gradientRules } from './gradient-rules.ts';

/** Operators on the way from the sources to the loss that have no gradient, in order. */
export const withoutGradient = (
  nodes: readonly Node[],
  loss: Value,
  sources: readonly Value[],
): readonly Node[] => {
  const flowing = dependents(nodes, sources);
  const needed = ancestors(nodes, loss);
  return nodes.filter(
    ({ op, inputs, outputs }) =>
      gradientRules[op] === notDifferentiable &&
      inputs.some((input) => isReal(input) && flowing.has(input)) &&
      outputs.some((output) => needed.has(output)),
  );
};

/**
 * The first value at or after `blocked` through which everything from the weights before it flows,
 * and from which on all others of `wrt` have a gradient.
 */
export const nearestCut = (
  nodes: readonly Node[],
  loss: Value,
  wrt: readonly Value[],
  blocked: Node,
): Value | undefined => {
  const [output] = blocked.outputs;
  if (output === undefined) return undefined;
  const before = ancestors(nodes, output);
  const start = 'weights before';
  const flow = findBoundaries<Value | typeof start>(
    [{ inputs: [start], outputs: wrt.filter((value) => before.has(value)) }, ...nodes],
    start,
    [loss],
  );
  const after = dependents(nodes, blocked.outputs);
  return flow.find((value): value is Value => {
    if (value === start || value === loss || !after.has(value)) return false;
    const frozen = ancestors(nodes, value);
    const trained = wrt.filter((weight) => !frozen.has(weight));
    return trained.length > 0 && withoutGradient(nodes, loss, trained).length === 0;
  });
};

/** Conditions and indices carry no gradient: a way through them is none. */
const isReal = ({ dtype }: Value): boolean => dtype === 'float32';

/** A value and everything that it is computed from by real numbers. */
const ancestors = (nodes: readonly Node[], value: Value): ReadonlySet<Value> => {
  const needed = new Set([value]);
  for (const { inputs, outputs } of nodes.toReversed())
    if (outputs.some((output) => needed.has(output)))
      for (const input of inputs.filter(isReal)) needed.add(input);
  return needed;
};
