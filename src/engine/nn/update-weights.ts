/**
 * All updates of a training step: large dense weights each by itself in blocks, where the machine
 * has ONNX Runtime's blocked layout in that; the others in vectors of those that are treated alike.
 */
import type { GraphBuilder } from '../graph/builder.ts';
import type { Parameter, Value } from '../graph/graph.ts';
import { afterReaders } from './after-readers.ts';
import { type BlockedTensor, blockedGradient, blockedInput, readBlocked } from './blocked-dense.ts';
import {
  factorsOfLarge,
  type GradientInBlocks,
  gradientOfRows,
  updateInBlocks,
} from './blocked-update.ts';
import { atRate, type Optimizer } from './optimizers.ts';
import { concatenate, createWeightGroup, groupAlike, type WeightGroup } from './weight-groups.ts';

export interface UpdatedWeights {
  readonly groups: readonly WeightGroup[];
  /** Weights and states that the graph takes in blocked layout. */
  readonly blocked: readonly BlockedTensor[];
  /** Optimizer states in plain layout, all starting at zero. */
  readonly states: readonly Value[];
}

/**
 * Adds the optimizer's inputs, its nodes and its outputs `next/<input>`.
 * @param blockSize channels in a block of ONNX Runtime's blocked layout; null = plain layout alone
 * @param large elements from which a dense weight is updated in blocks
 */
export const updateWeights = (
  b: GraphBuilder,
  optimizer: Optimizer,
  parameters: readonly Parameter[],
  gradients: readonly Value[],
  blockSize: number | null = null,
  large?: number,
): UpdatedWeights => {
  const hyperparameters = Object.fromEntries(
    Object.keys(optimizer.hyperparameters(1, 1)).map((name) => [
      name,
      b.input(name, 'float32', []),
    ]),
  );
  const jobs = parameters.map((parameter, index) => {
    const gradient = gradients[index] as Value;
    const factors = factorsOfLarge(b.nodes, gradient, large);
    const inBlocks =
      factors && blockSize ? readBlocked(b, parameter.value, factors, blockSize) : undefined;
    return { ...parameter, gradient, factors, inBlocks };
  });
  const rateOfAll = afterReaders(
    b,
    hyperparameters.rate as Value,
    jobs.map(({ value, inBlocks }) => inBlocks?.blocked ?? value),
  );
  const update = (
    weight: Value,
    state: readonly Value[],
    gradient: Value | GradientInBlocks,
    { decay, rate }: Pick<Parameter, 'decay' | 'rate'>,
  ): void => {
    const context = {
      builder: b,
      weight,
      state,
      hyperparameters: atRate(b, { ...hyperparameters, rate: rateOfAll }, rate),
      decay,
    };
    const next =
      'product' in gradient
        ? updateInBlocks(optimizer, context, gradient)
        : optimizer.update({ ...context, gradient });
    b.output(`next/${weight.name}`, next.weight);
    state.forEach((value, index) => {
      b.output(`next/${value.name}`, next.state[index] as Value);
    });
  };
  const states: Value[] = [];
  const blocked: BlockedTensor[] = [];
  const addStates = (weight: Value, addInput: (state: Value) => Value): readonly Value[] =>
    optimizer.stateNames.map((name) => {
      const state = { ...weight, name: `${name}/${weight.name}` };
      states.push(state);
      return addInput(state);
    });
  const plainInput = ({ name, dtype, shape }: Value) => b.input(name, dtype, shape);
  const asBlocked = (tensor: BlockedTensor): Value => {
    blocked.push(tensor);
    return tensor.blocked;
  };

  for (const { value, factors, inBlocks, ...treatment } of jobs) {
    if (factors === undefined) continue;
    if (inBlocks) {
      const state = addStates(value, (plain) =>
        asBlocked(blockedInput(b, plain, inBlocks.blockSize)),
      );
      update(asBlocked(inBlocks), state, blockedGradient(b, inBlocks, factors), treatment);
    } else update(value, addStates(value, plainInput), gradientOfRows(b, factors), treatment);
  }
  const alike = groupAlike(jobs.filter(({ factors }) => factors === undefined));
  const groups = alike.map((members, index) => {
    const values = members.map(({ value }) => value);
    const group = createWeightGroup(b, `weights_${index + 1}`, values);
    const gradient = concatenate(
      b,
      members.map((member) => member.gradient),
    );
    const state = addStates(group.vector, plainInput);
    update(group.vector, state, gradient, members[0] as Parameter);
    return group;
  });
  return { groups, blocked, states };
};
