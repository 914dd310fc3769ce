/**
 * All updates of a training step: large dense weights each by itself in blocks, the others in
 * vectors of those that are treated alike.
 */
import type { GraphBuilder } from '../graph/builder.ts';
import type { Parameter, Value } from '../graph/graph.ts';
import { afterReaders } from './after-readers.ts';
import { factorsOfLarge, type GradientFactors, updateInBlocks } from './blocked-update.ts';
import { atRate, type Optimizer } from './optimizers.ts';
import { concatenate, createWeightGroup, groupAlike, type WeightGroup } from './weight-groups.ts';

export interface UpdatedWeights {
  readonly groups: readonly WeightGroup[];
  /** Optimizer states, all starting at zero. */
  readonly states: readonly Value[];
}

/** Adds the optimizer's inputs, its nodes and its outputs `next/<input>`. */
export const updateWeights = (
  b: GraphBuilder,
  optimizer: Optimizer,
  parameters: readonly Parameter[],
  gradients: readonly Value[],
): UpdatedWeights => {
  const hyperparameters = Object.fromEntries(
    Object.keys(optimizer.hyperparameters(1, 1)).map((name) => [
      name,
      b.input(name, 'float32', []),
    ]),
  );
  const rateOfAll = afterReaders(
    b,
    hyperparameters.rate as Value,
    parameters.map(({ value }) => value),
  );
  const states: Value[] = [];
  const update = (
    weight: Value,
    gradient: Value | GradientFactors,
    { decay, rate }: Pick<Parameter, 'decay' | 'rate'>,
  ): void => {
    const state = optimizer.stateNames.map((name) =>
      b.input(`${name}/${weight.name}`, 'float32', weight.shape),
    );
    const context = {
      builder: b,
      weight,
      state,
      hyperparameters: atRate(b, { ...hyperparameters, rate: rateOfAll }, rate),
      decay,
    };
    const next =
      'input' in gradient
        ? updateInBlocks(optimizer, context, gradient)
        : optimizer.update({ ...context, gradient });
    b.output(`next/${weight.name}`, next.weight);
    state.forEach((value, index) => {
      b.output(`next/${value.name}`, next.state[index] as Value);
    });
    states.push(...state);
  };

  const jobs = parameters.map((parameter, index) => {
    const gradient = gradients[index] as Value;
    return { ...parameter, gradient, factors: factorsOfLarge(b.nodes, gradient) };
  });
  for (const job of jobs) if (job.factors) update(job.value, job.factors, job);
  const alike = groupAlike(jobs.filter(({ factors }) => factors === undefined));
  const groups = alike.map((members, index) => {
    const values = members.map(({ value }) => value);
    const group = createWeightGroup(b, `weights_${index + 1}`, values);
    const gradient = concatenate(
      b,
      members.map((member) => member.gradient),
    );
    update(group.vector, gradient, members[0] as Parameter);
    return group;
  });
  return { groups, states };
};
