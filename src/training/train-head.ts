/**
 * Trains a linear head on features: multinomial logistic regression, classes weighing the same
 * whatever their numbers, with the L2 penalty that answers best on pictures it was not trained on.
 * Those are the validation pictures where there are enough of them, else parts of the training
 * pictures in turn (cross-validation). Nothing is random.
 */

import { buildHeadGraph } from '../engine/nn/head-graph.ts';
import { toOnnx } from '../engine/onnx/to-onnx.ts';
import { createSession } from '../engine/runtime/session.ts';
import { softmaxRows } from '../engine/tensor/reduce.ts';
import { float32, scalar, type Tensor } from '../engine/tensor/tensor.ts';
import { minimize } from './lbfgs.ts';
import { crossEntropy, topKAccuracy } from './metrics.ts';
import { standardize } from './standardize.ts';

/** Rows of the training pictures first, then those of the validation pictures. */
export interface HeadExamples {
  /** [n, size] */
  readonly features: Float32Array;
  readonly size: number;
  /** Class index of each row. */
  readonly labels: Int32Array;
  /** How many rows, from the first, are trained on. */
  readonly trained: number;
}

/** A dense layer: logits = features · kernelᵀ + bias. */
export interface Head {
  /** [classes, size] */
  readonly kernel: Float32Array;
  /** [classes] */
  readonly bias: Float32Array;
}

/** How one penalty did. */
export interface HeadRound {
  readonly penalty: number;
  /** Evaluations of the loss over all examples so far. */
  readonly evaluations: number;
  readonly train: Answered;
  /** On rows that the head was not trained on. */
  readonly validation: Answered;
  /** How many rows those are. */
  readonly judged: number;
  /** Whether they are the trained rows in turn, because the others were too few. */
  readonly isCrossValidated: boolean;
}

export interface Answered {
  readonly loss: number;
  readonly accuracy: number;
  readonly top2Accuracy: number;
}

export interface TrainedHead {
  readonly head: Head;
  readonly rounds: readonly HeadRound[];
  /** The round whose penalty was taken. */
  readonly best: HeadRound;
  /** What heads of this penalty said of rows they were not trained on. */
  readonly heldOut: {
    /** [rows, classes] */
    readonly probabilities: Float32Array;
    readonly labels: readonly number[];
  };
}

export interface TrainHeadOptions {
  readonly classes: number;
  readonly threads: number;
  readonly signal?: AbortSignal;
  onRound?(round: HeadRound): void;
}

/** Strongest first: each starts from the head before, which is close. */
const penalties = [1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001];
/** Weaker penalties only fit the training pictures better: after this many worse ones none helps. */
const patience = 2;
/** Fewer validation pictures than this say little; the training pictures take turns then. */
const enoughValidation = 200;
const folds = 5;
const search = { maxEvaluations: 80, tolerance: 1e-4 };

type Choice = (row: number) => boolean;

/** Which rows each head that is tried learns from; the others of `asked` judge it. */
const partsOf = ({ labels, trained }: HeadExamples): readonly (readonly [Choice, Choice])[] => {
  const isTrained = (row: number) => row < trained;
  if (labels.length - trained >= enoughValidation) return [[isTrained, (row) => row >= trained]];
  return Array.from({ length: folds }, (_, fold) => [
    (row: number) => isTrained(row) && row % folds !== fold,
    (row: number) => isTrained(row) && row % folds === fold,
  ]);
};

export const trainHead = async (
  examples: HeadExamples,
  { classes, threads, signal, onRound }: TrainHeadOptions,
): Promise<TrainedHead> => {
  const { features, size, labels, trained } = examples;
  const rows = labels.length;
  const { mean, inverseDeviation } = standardize(features, size, trained);
  const graph = buildHeadGraph({ examples: rows, features: size, classes });
  const session = await createSession(toOnnx(graph), { threads });
  const fixed = {
    features: float32([rows, size], features),
    mean: float32([size], mean),
    inverse_deviation: float32([size], inverseDeviation),
  };
  /** @param point kernel and bias in one array */
  const run = async (point: Float32Array, targets: Float32Array, penalty: number) => {
    signal?.throwIfAborted();
    const outputs = (await session.run({
      ...fixed,
      targets: float32([rows, classes], targets),
      kernel: float32([classes, size], point.slice(0, classes * size)),
      bias: float32([classes], point.slice(classes * size)),
      penalty: scalar(penalty),
    })) as Record<string, Tensor<'float32'>>;
    const read = (name: string) => (outputs[name] as Tensor<'float32'>).data;
    const gradient = new Float32Array(point.length);
    gradient.set(read('gradient/kernel'));
    gradient.set(read('gradient/bias'), classes * size);
    return { value: read('loss')[0] as number, gradient, logits: read('logits') };
  };
  const zero = (): Float32Array => new Float32Array(classes * (size + 1));

  try {
    const parts = partsOf(examples).map(([learns, judges]) => ({
      judges,
      learns,
      targets: weightedTargets(labels, classes, learns),
      point: zero(),
    }));
    const rounds: HeadRound[] = [];
    let evaluations = 0;
    let best:
      | { readonly round: HeadRound; readonly point: Float32Array; readonly heldOut: Answers }
      | undefined;
    for (let worse = 0; rounds.length < penalties.length && worse < patience; ) {
      const penalty = penalties[rounds.length] as number;
      const train = new Answers(classes);
      const validation = new Answers(classes);
      for (const part of parts) {
        const minimum = await minimize(
          (point) => run(point, part.targets, penalty),
          part.point,
          search,
        );
        part.point = minimum.point;
        evaluations += minimum.evaluations;
        const { logits } = await run(part.point, part.targets, penalty);
        const probabilities = softmaxRows(logits, classes);
        train.add(probabilities, labels, part.learns);
        validation.add(probabilities, labels, part.judges);
      }
      const round: HeadRound = {
        penalty,
        evaluations,
        train: train.summary(),
        validation: validation.summary(),
        judged: validation.labels.length,
        isCrossValidated: parts.length > 1,
      };
      rounds.push(round);
      onRound?.(round);
      const isBest = best === undefined || round.validation.loss < best.round.validation.loss;
      const { point } = parts[0] as (typeof parts)[number];
      if (isBest) best = { round, point, heldOut: validation };
      worse = isBest ? 0 : worse + 1;
    }
    if (best === undefined) throw new Error('no penalty was tried');
    let point: Float32Array = best.point;
    if (parts.length > 1) {
      // The parts only chose the penalty; the head learns from all of them.
      const targets = weightedTargets(labels, classes, (row) => row < trained);
      const { penalty } = best.round;
      ({ point } = await minimize((tried) => run(tried, targets, penalty), point, search));
    }
    return {
      head: unstandardize(point, { mean, inverseDeviation }, classes),
      rounds,
      best: best.round,
      heldOut: best.heldOut,
    };
  } finally {
    await session.close();
  }
};

/** One-hot rows, times a weight that makes every class count the same; the weights add up to n. */
const weightedTargets = (labels: Int32Array, classes: number, learns: Choice): Float32Array => {
  const counts = new Array<number>(classes).fill(0);
  labels.forEach((label, row) => {
    if (learns(row)) counts[label] = (counts[label] as number) + 1;
  });
  const present = counts.filter((count) => count > 0).length;
  const targets = new Float32Array(labels.length * classes);
  labels.forEach((label, row) => {
    if (learns(row))
      targets[row * classes + label] = labels.length / present / (counts[label] as number);
  });
  return targets;
};

/** The head on features as they are, from one on standardized features. */
const unstandardize = (
  point: Float32Array,
  { mean, inverseDeviation }: ReturnType<typeof standardize>,
  classes: number,
): Head => {
  const size = mean.length;
  const kernel = point.slice(0, classes * size);
  const bias = point.slice(classes * size);
  for (let k = 0; k < classes; k++) {
    let atMean = 0;
    for (let f = 0; f < size; f++) {
      const weight = (kernel[k * size + f] as number) * (inverseDeviation[f] as number);
      kernel[k * size + f] = weight;
      atMean += weight * (mean[f] as number);
    }
    bias[k] = (bias[k] as number) - atMean;
  }
  return { kernel, bias };
};

/** Answers of several heads, gathered row by row. */
class Answers {
  readonly labels: number[] = [];
  readonly #classes: number;
  readonly #probabilities: number[] = [];

  constructor(classes: number) {
    this.#classes = classes;
  }

  add(probabilities: Float32Array, labels: Int32Array, choice: Choice): void {
    labels.forEach((label, row) => {
      if (!choice(row)) return;
      this.labels.push(label);
      const start = row * this.#classes;
      for (let k = 0; k < this.#classes; k++)
        this.#probabilities.push(probabilities[start + k] as number);
    });
  }

  get probabilities(): Float32Array {
    return Float32Array.from(this.#probabilities);
  }

  summary(): Answered {
    const { probabilities, labels } = this;
    return {
      loss: crossEntropy(probabilities, this.#classes, labels),
      accuracy: topKAccuracy(probabilities, this.#classes, labels, 1),
      top2Accuracy: topKAccuracy(probabilities, this.#classes, labels, 2),
    };
  }
}
