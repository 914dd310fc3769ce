/**
 * The training loop: rounds of steps with an evaluation on the validation pictures after each,
 * early stopping, and the best weights kept. It sees pictures and weights, never a store.
 */
import type { Clock } from '../base/clock.ts';
import { RelearnError } from '../base/errors.ts';
import { createRandom } from '../base/random.ts';
import { type Augmentation, standardAugmentation } from '../data/augmentation.ts';
import { createDataLoader } from '../data/data-loader.ts';
import { createEvaluationBatches } from '../data/evaluation-batches.ts';
import type { LabelledPicture } from '../data/pixel-cache.ts';
import { operateHead, planForLabels } from '../engine/nn/head-surgery.ts';
import { smoothedTargets } from '../engine/nn/losses.ts';
import { findArchitecture, type Model, readModel, writeModel } from '../engine/nn/model-file.ts';
import type { Recipe } from '../engine/nn/recipe.ts';
import { createClassifier } from '../engine/runtime/create-classifier.ts';
import { createTrainingSession } from '../engine/runtime/training-session.ts';
import type { Preprocessing } from '../records/preprocessing.ts';
import type { TrainingProgress, TrainReport } from '../records/reports.ts';
import { createEarlyStopping } from './early-stopping.ts';
import { evaluateBatches } from './evaluate.ts';
import { createRoundMeter } from './round-meter.ts';
import { createTrainingEvents } from './training-events.ts';
import { createWeightAverage } from './weight-average.ts';

/** One row of the learning curve, after each round. */
export interface CurvePoint {
  readonly step: number;
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  readonly trainTop2Accuracy: number;
  readonly validationLoss: number;
  readonly validationAccuracy: number;
}

export interface FitOptions {
  /** Most rounds to run; a round is `steps` training steps and one evaluation. */
  readonly rounds?: number;
  /** Training steps in a round; default: one epoch. */
  readonly steps?: number;
  /** Rounds without improvement before the run ends. */
  readonly patience?: number;
  /** Validation accuracy, 0..1, at which the run ends. */
  readonly targetAccuracy?: number;
  readonly maxMinutes?: number;
  readonly batchSize?: number;
  /** Peak of the schedule. */
  readonly learningRate?: number;
  /** The same seed, data and settings give the same weights on the same machine. */
  readonly seed: number;
}

export interface FitRequest {
  /** A name of `architectures` (article, compact). */
  readonly architecture: string;
  readonly labels: readonly string[];
  readonly preprocessing: Preprocessing;
  readonly train: readonly LabelledPicture[];
  /** Decides which round was best and when to stop; without any, the training loss does. */
  readonly validation: readonly LabelledPicture[];
  /**
   * A model of the same architecture and size to continue from: the champion's model.onnx. Where its
   * labels differ, classes are matched by name (see head-surgery.ts).
   */
  readonly initial?: Uint8Array;
  readonly options: FitOptions;
  readonly threads: number;
  /** Vary pictures in a worker thread. Default true. */
  readonly workers?: boolean;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  onProgress?(progress: Omit<TrainingProgress, 'since' | 'phase'>): void;
  onLine?(line: string): void;
  /** Receives TensorBoard records (already framed), to be written as one event file. */
  onEvents?(record: Uint8Array): void;
}

export interface FitResult {
  /** The best round's weights as one servable ONNX file, metadata included. */
  readonly model: Uint8Array;
  readonly rounds: number;
  readonly steps: number;
  readonly stoppedBecause: TrainReport['stoppedBecause'];
  readonly seconds: number;
  readonly imagesPerSecond: number;
  readonly curve: readonly CurvePoint[];
}

const augmentations: { readonly [Name in Recipe['augmentation']]: Augmentation | null } = {
  none: null,
  flip: {
    ...standardAugmentation,
    oversample: 1,
    cropArea: [1, 1],
    cropAspect: 1,
    rotation: 0,
    brightness: 0,
    contrast: 0,
    colour: 0,
  },
  standard: standardAugmentation,
};

const defaultPatience = 5;

/**
 * @throws RelearnError invalid/`no_training_pictures`; invalid/`incompatible_model` where `initial`
 *   is of another architecture or size; invalid/`training_diverged`
 */
export const fit = async (request: FitRequest): Promise<FitResult> => {
  const { labels, preprocessing, train, validation, options, clock, signal, threads } = request;
  const classes = labels.length;
  if (train.length === 0) {
    throw new RelearnError(
      'invalid',
      'no_training_pictures',
      'There are no pictures to train on.',
      {
        hint: 'Import labelled pictures first: relearn import FOLDER',
      },
    );
  }
  const architecture = findArchitecture(request.architecture);
  const recipe = architecture.recipe[request.initial ? 'champion' : 'scratch'];
  const batchSize = options.batchSize ?? Math.min(recipe.batchSize, train.length);
  const peakRate = options.learningRate ?? recipe.learningRate;
  const random = createRandom(options.seed);
  const started = clock.monotonic();
  const secondsSoFar = () => (clock.monotonic() - started) / 1000;

  const loader = createDataLoader({
    pictures: train,
    preprocessing,
    augmentation: augmentations[recipe.augmentation],
    batchSize,
    random: random.fork('batches'),
    balanced: true,
    workers: request.workers ?? true,
  });
  const session = await createTrainingSession({
    architecture,
    classes,
    batchSize,
    imageSize: preprocessing.width,
    optimizer: recipe.optimizer,
    ...(request.initial ? { weights: initialWeights(request, request.initial) } : {}),
    random: random.fork('weights'),
    threads,
  });
  const validationBatches = createEvaluationBatches({
    pictures: validation,
    preprocessing,
    batchSize: 64,
  });
  const events = request.onEvents && createTrainingEvents(clock, request.onEvents);
  events?.start(session.graph);

  const stepsPerRound = options.steps ?? loader.stepsPerEpoch;
  const plannedRounds = options.rounds ?? recipe.rounds;
  const plannedSteps = plannedRounds * stepsPerRound;
  const patience = options.patience ?? defaultPatience;
  const stopping = createEarlyStopping(patience);
  const meter = createRoundMeter(classes);
  const curve: CurvePoint[] = [];
  const average =
    recipe.averageDecay === null
      ? null
      : createWeightAverage(session.weights(), recipe.averageDecay);
  const current = (): Model => ({ ...request, weights: (average ?? session).weights() });
  let best = current();
  let stoppedBecause: FitResult['stoppedBecause'] | undefined;
  let step = 0;
  let trainingSeconds = 0;

  const timeShare = () =>
    options.maxMinutes === undefined ? 0 : secondsSoFar() / (options.maxMinutes * 60);
  const report = () => {
    const share = Math.max(step / plannedSteps, timeShare());
    request.onProgress?.({
      round: Math.min(curve.length + 1, plannedRounds),
      rounds: plannedRounds,
      epoch: step / loader.stepsPerEpoch,
      step,
      steps: plannedSteps,
      loss: meter.loss,
      bestAccuracy: stopping.bestAccuracy,
      roundsLeft: stopping.roundsLeft,
      imagesPerSecond: trainingSeconds === 0 ? 0 : (step * batchSize) / trainingSeconds,
      secondsLeft: step === 0 ? null : Math.max(0, (secondsSoFar() * (1 - share)) / share),
    });
  };

  try {
    while (stoppedBecause === undefined) {
      meter.reset();
      for (let i = 0; i < stepsPerRound && timeShare() < 1; i++) {
        signal?.throwIfAborted();
        const before = clock.monotonic();
        const batch = await loader.next();
        if (step === 0) await events?.images(0, batch.pixels, preprocessing);
        const targets = smoothedTargets(batch.labels, classes, recipe.labelSmoothing);
        // The schedule follows the clock where time is the tighter limit, so that it still ends low.
        const progress = Math.max(step / plannedSteps, timeShare());
        const rate = peakRate * recipe.schedule(progress);
        const { loss, logits } = await session.step(batch.pixels, targets, rate);
        step += 1;
        if (!Number.isFinite(loss)) throw diverged(step, rate);
        average?.update(session.weights());
        meter.add(loss, logits, batch.labels);
        trainingSeconds += (clock.monotonic() - before) / 1000;
        report();
      }

      const model = current();
      const validated = validation.length > 0 ? await validate(model) : undefined;
      const point: CurvePoint = {
        step,
        trainLoss: meter.loss ?? 0,
        trainAccuracy: meter.accuracy,
        trainTop2Accuracy: meter.top2Accuracy,
        validationLoss: validated?.loss ?? meter.loss ?? 0,
        validationAccuracy: validated?.accuracy ?? meter.accuracy,
      };
      curve.push(point);
      const { best: isBest } = stopping.observe({
        accuracy: point.validationAccuracy,
        loss: point.validationLoss,
      });
      const onTarget =
        point.validationAccuracy >= (options.targetAccuracy ?? Number.POSITIVE_INFINITY);
      if (isBest || onTarget) best = model;
      events?.scalars(step, {
        train_loss: point.trainLoss,
        train_accuracy: point.trainAccuracy,
        train_accuracy_topk: point.trainTop2Accuracy,
        test_accuracy: point.validationAccuracy,
        ...(validated
          ? { test_loss: validated.loss, test_accuracy_topk: validated.top2Accuracy }
          : {}),
      });
      request.onLine?.(
        `round ${curve.length}: train loss ${point.trainLoss.toFixed(4)}, accuracy ${point.validationAccuracy.toFixed(4)}, max_accuracy ${(stopping.bestAccuracy ?? 0).toFixed(4)}, status_count ${stopping.roundsLeft}`,
      );
      report();
      stoppedBecause = stopReason();
    }
  } finally {
    await loader.close();
    await session.close();
  }

  return {
    model: writeModel(best),
    rounds: curve.length,
    steps: step,
    stoppedBecause,
    seconds: secondsSoFar(),
    imagesPerSecond: trainingSeconds === 0 ? 0 : (step * batchSize) / trainingSeconds,
    curve,
  };

  async function validate(model: Model) {
    const classifier = await createClassifier(writeModel(model), { threads });
    try {
      return await evaluateBatches(classifier, validationBatches, validation.length);
    } finally {
      await classifier.close();
    }
  }

  function stopReason(): FitResult['stoppedBecause'] | undefined {
    const target = options.targetAccuracy;
    if (target !== undefined && (stopping.bestAccuracy ?? 0) >= target) return 'target-accuracy';
    if (timeShare() >= 1) return 'minutes';
    if (curve.length >= plannedRounds)
      return options.rounds === undefined ? 'schedule-finished' : 'rounds';
    if (stopping.roundsLeft <= 0) return 'patience';
    return undefined;
  }
};

const diverged = (step: number, rate: number): RelearnError =>
  new RelearnError(
    'invalid',
    'training_diverged',
    `The loss stopped being a number at step ${step} with learning rate ${rate.toPrecision(3)}.`,
    { hint: `Train again with a lower rate: --learning-rate ${(rate / 10).toPrecision(1)}` },
  );

/** Classes are matched by name: same names keep their rows, missing ones go, others are added. */
const initialWeights = (
  { architecture, labels, preprocessing }: FitRequest,
  bytes: Uint8Array,
): ReadonlyMap<string, Float32Array> => {
  const model = readModel(bytes);
  const { width } = preprocessing;
  if (model.architecture === architecture && model.preprocessing.width === width) {
    return operateHead(model, planForLabels(model.labels, labels)).weights;
  }
  throw new RelearnError(
    'invalid',
    'incompatible_model',
    `The model to continue from is ${model.architecture} at ${model.preprocessing.width} pixels; asked for ${architecture} at ${width} pixels.`,
    { hint: 'Train from scratch: relearn train --from scratch' },
  );
};
