/**
 * One whole training step as one graph: pictures in, loss out, and the next value of every weight
 * and optimizer state. Weights and states are inputs and outputs of the same name with `next/`
 * before it, so that the caller feeds each step's outputs to the next; large ones come out in blocks
 * of rows, the same elements in the same order.
 */
import { differentiate } from '../autodiff/differentiate.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Graph, Value } from '../graph/graph.ts';
import { type LowerOptions, lower } from '../graph/lower.ts';
import type { Shape } from '../tensor/shape.ts';
import { afterReaders } from './after-readers.ts';
import type { Architecture } from './architectures.ts';
import { updateInBlocks } from './blocked-update.ts';
import { imagesFromPixels } from './images-from-pixels.ts';
import { createContext } from './layers.ts';
import { softmaxCrossEntropy } from './losses.ts';
import { atRate, type Optimizer, type UpdateContext } from './optimizers.ts';

export interface TrainingGraph {
  readonly graph: Graph;
  /** Weights and running statistics, by name. */
  readonly weights: readonly Value[];
  /** Optimizer states, all starting at zero. */
  readonly states: readonly Value[];
  /** Uniform noise in [0, 1) that each step must supply. */
  readonly noise: readonly Value[];
}

export interface TrainingGraphOptions extends LowerOptions {
  readonly classes: number;
  readonly batchSize: number;
  readonly imageSize: number;
  readonly optimizer: Optimizer;
  /** Also put out every gradient as `gradient/<weight>`; for tests. */
  readonly outputGradients?: boolean;
}

/** How much of the old running statistic each step keeps. */
const statisticsMomentum = 0.9;

/**
 * Inputs besides weights and states: `pixels` uint8 [N,H,W,C], `targets` float32 [N,classes], the
 * optimizer's scalars, noise. Outputs besides the next weights and states: `loss`, `logits`.
 */
export const buildTrainingGraph = (
  architecture: Architecture,
  {
    classes,
    batchSize,
    imageSize,
    optimizer,
    blockSize = null,
    outputGradients = false,
  }: TrainingGraphOptions,
): TrainingGraph => {
  const b = new GraphBuilder();
  const context = createContext(b, true);
  const pixels = b.input('pixels', 'uint8', [
    batchSize,
    imageSize,
    imageSize,
    architecture.channels,
  ]);
  const targets = b.input('targets', 'float32', [batchSize, classes]);
  const logits = architecture.build(context, imagesFromPixels(b, pixels), classes);
  const loss = softmaxCrossEntropy(b, logits, targets);

  const trainable = b.parameters.filter((parameter) => parameter.trainable);
  const gradients = differentiate(
    b,
    loss,
    trainable.map(({ value }) => value),
  );
  const hyperparameters = Object.fromEntries(
    Object.keys(optimizer.hyperparameters(1, 1)).map((name) => [
      name,
      b.input(name, 'float32', []),
    ]),
  );
  const rateOfAll = afterReaders(
    b,
    hyperparameters.rate as Value,
    trainable.map(({ value }) => value),
  );
  const states: Value[] = [];
  const state = (name: string, shape: Shape): Value => {
    const value = b.input(name, 'float32', shape);
    states.push(value);
    return value;
  };
  trainable.forEach(({ value: weight, decay, rate }, index) => {
    const gradient = gradients[index] as Value;
    const own = optimizer.stateNames.map((name) => state(`${name}/${weight.name}`, weight.shape));
    const update: UpdateContext = {
      builder: b,
      weight,
      gradient,
      state: own,
      hyperparameters: atRate(b, { ...hyperparameters, rate: rateOfAll }, rate),
      decay,
    };
    const next = updateInBlocks(optimizer, update) ?? optimizer.update(update);
    b.output(`next/${weight.name}`, next.weight);
    own.forEach((value, i) => {
      b.output(`next/${value.name}`, next.state[i] as Value);
    });
    if (outputGradients) b.output(`gradient/${weight.name}`, gradient);
  });
  for (const { running, batch } of context.statistics) {
    const kept = b.apply('Mul', [running, b.scalar(statisticsMomentum)]);
    const fresh = b.apply('Mul', [batch, b.scalar(1 - statisticsMomentum)]);
    b.output(`next/${running.name}`, b.apply('Add', [kept, fresh]));
  }
  b.output('loss', loss);
  b.output('logits', logits);
  return {
    graph: lower(b.build(), { blockSize }),
    weights: b.parameters.map(({ value }) => value),
    states,
    noise: context.noise,
  };
};
