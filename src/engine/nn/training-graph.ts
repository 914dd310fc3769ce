/**
 * One whole training step as one graph: pictures in, loss out, and the next value of every weight
 * and optimizer state. What lasts from step to step is an input, and an output of the same name with
 * `next/` before it: the caller feeds each step's outputs to the next. Small weights come out as
 * vectors of several (`groups`), large ones in blocks of rows, the same elements in the same order,
 * or go in and come out in blocked layout (`blocked`).
 */
import { differentiate } from '../autodiff/differentiate.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Graph, Value } from '../graph/graph.ts';
import { type LowerOptions, lower } from '../passes/lower.ts';
import type { Architecture } from './architectures.ts';
import type { BlockedTensor } from './blocked-dense.ts';
import { imagesFromPixels } from './images-from-pixels.ts';
import { createContext, type NetworkContext } from './layers.ts';
import { softmaxCrossEntropy } from './losses.ts';
import type { Optimizer } from './optimizers.ts';
import { updateWeights } from './update-weights.ts';
import { concatenate, createWeightGroup, type WeightGroup } from './weight-groups.ts';

export interface TrainingGraph {
  readonly graph: Graph;
  /** Weights and running statistics, by name. */
  readonly weights: readonly Value[];
  /** Vectors in whose memory the arrays of their members lie. */
  readonly groups: readonly WeightGroup[];
  /** Weights and states that the graph takes in blocked layout, in the place of the plain ones. */
  readonly blocked: readonly BlockedTensor[];
  /** Optimizer states in plain layout, all starting at zero. */
  readonly states: readonly Value[];
  /** Uniform noise in [0, 1) that each step must supply. */
  readonly noise: readonly Value[];
}

export interface TrainingGraphOptions extends Pick<LowerOptions, 'blockSize'> {
  readonly classes: number;
  readonly batchSize: number;
  readonly imageSize: number;
  readonly optimizer: Optimizer;
  /** Also put out every gradient as `gradient/<weight>`; for tests. */
  readonly outputGradients?: boolean;
  /** Elements from which a dense weight is updated in blocks; for tests. */
  readonly largeDense?: number;
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
    largeDense,
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
  const { groups, blocked, states } = updateWeights(
    b,
    optimizer,
    trainable,
    gradients,
    blockSize,
    largeDense,
  );
  if (outputGradients)
    trainable.forEach(({ value }, index) => {
      b.output(`gradient/${value.name}`, gradients[index] as Value);
    });
  const statistics = updateStatistics(b, context.statistics);
  b.output('loss', loss);
  b.output('logits', logits);
  return {
    graph: lower(b.build(), { blockSize, batch: [pixels, targets, ...context.noise] }),
    weights: b.parameters.map(({ value }) => value),
    groups: [...groups, ...statistics],
    blocked,
    states,
    noise: context.noise,
  };
};

/** Moves all running statistics towards the batch's own, as one vector. */
const updateStatistics = (
  b: GraphBuilder,
  statistics: NetworkContext['statistics'],
): readonly WeightGroup[] => {
  if (statistics.length === 0) return [];
  const group = createWeightGroup(
    b,
    'statistics',
    statistics.map(({ running }) => running),
  );
  const batch = concatenate(
    b,
    statistics.map((statistic) => statistic.batch),
  );
  const kept = b.apply('Mul', [group.vector, b.scalar(statisticsMomentum)]);
  const fresh = b.apply('Mul', [batch, b.scalar(1 - statisticsMomentum)]);
  b.output(`next/${group.vector.name}`, b.apply('Add', [kept, fresh]));
  return [group];
};
