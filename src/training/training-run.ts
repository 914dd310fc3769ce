/**
 * The rounds of one training from one start: steps, an evaluation after each round, early stopping,
 * the best weights, and a checkpoint whenever it would hurt to lose more.
 */
import { counted } from '../base/counted.ts';
import { isRelearnError } from '../base/errors.ts';
import { createRandom } from '../base/random.ts';
import { type Augmentation, standardAugmentation } from '../data/augmentation.ts';
import type { TrainingBatch } from '../data/data-loader.ts';
import { createDataLoader } from '../data/data-loader.ts';
import { smoothedTargets } from '../engine/nn/losses.ts';
import { findArchitecture, type Model, writeModel } from '../engine/nn/model-file.ts';
import type { Recipe } from '../engine/nn/recipe.ts';
import { createClassifier } from '../engine/runtime/create-classifier.ts';
import { createTrainingSession } from '../engine/runtime/training-session.ts';
import type { Preprocessing } from '../records/preprocessing.ts';
import { checkLearning, checkLoss, diverged } from './divergence.ts';
import { createEarlyStopping } from './early-stopping.ts';
import { type Evaluation, evaluateBatches } from './evaluate.ts';
import type { CurvePoint, FitRequest, FitResult } from './fit-types.ts';
import { createRoundMeter } from './round-meter.ts';
import type { TrainingEvents } from './training-events.ts';
import type { TrainingPlan } from './training-plan.ts';
import {
  type Checkpoints,
  copyWeights,
  type TrainingState,
  type Weights,
} from './training-state.ts';
import { createWeightAverage } from './weight-average.ts';

export interface RunContext {
  readonly request: FitRequest;
  readonly recipe: Recipe;
  readonly plan: TrainingPlan;
  readonly checkpoints: Checkpoints;
  readonly validationBatches: AsyncIterable<TrainingBatch>;
  readonly events: TrainingEvents | undefined;
  readonly start: TrainingState['start'];
  readonly race: TrainingState['race'];
  /** Weights to start from; undefined = drawn. */
  readonly initialWeights: Weights | undefined;
}

export interface RunEnd extends Omit<FitResult, 'model' | 'start' | 'race'> {
  readonly best: Weights;
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

/** What a model answers on that trains on pictures of this size. */
export const answeringOn = (
  preprocessing: Preprocessing,
  { answerScale }: Recipe,
): Preprocessing => ({
  ...preprocessing,
  width: Math.round(preprocessing.width * answerScale),
  height: Math.round(preprocessing.height * answerScale),
});

/** A model of these weights, before calibration. */
export const modelOf = (request: FitRequest, recipe: Recipe, weights: Weights): Model => ({
  ...request,
  preprocessing: answeringOn(request.preprocessing, recipe),
  weights,
  readout: { mirror: recipe.mirror, temperature: 1 },
});

/** Seconds of a round after which its state is kept although it has not ended. */
const longestUnsaved = 300;

/**
 * @param from the state to go on from; undefined = the start
 * @param rateFactor what the learning rate is multiplied with
 * @throws RelearnError invalid/`training_diverged`
 */
export const runRounds = async (
  context: RunContext,
  from: TrainingState | undefined,
  rateFactor: number,
): Promise<RunEnd> => {
  const { request, recipe, plan, checkpoints, events } = context;
  const { labels, preprocessing, train, validation, options, clock, signal, threads } = request;
  const classes = labels.length;
  const random = createRandom(options.seed);
  const architecture = request.network ?? findArchitecture(request.architecture);
  const { scratch, champion } = architecture.recipe;
  const session = await createTrainingSession({
    architecture,
    classes,
    batchSize: plan.batchSize,
    imageSize: preprocessing.width,
    optimizer: recipe.optimizer,
    ...(context.initialWeights ? { weights: context.initialWeights } : {}),
    ...(from ? { resume: from.session } : {}),
    random: random.fork('weights'),
    threads,
    ...(options.device ? { device: options.device } : {}),
    onLine: (line) => request.onLine?.(line),
  });
  // Last, since it starts a thread that only the end below stops.
  const loader = createDataLoader({
    pictures: train,
    preprocessing,
    augmentation: augmentations[recipe.augmentation],
    batchSize: plan.batchSize,
    random: random.fork('batches'),
    balanced: true,
    workers: request.workers ?? true,
    skip: from?.session.step ?? 0,
  });
  const average =
    recipe.averageDecay === null
      ? null
      : createWeightAverage(
          from?.average?.weights ?? session.weights(),
          recipe.averageDecay,
          from?.average?.updates,
        );
  const stopping = createEarlyStopping(plan.patience, from?.stopping);
  const meter = createRoundMeter(classes, from?.meter);
  const curve: CurvePoint[] = [...(from?.curve ?? [])];
  /** A copy that later steps leave alone. */
  const currentWeights = (): Weights => average?.weights() ?? copyWeights(session.weights());
  let best = from?.best ?? currentWeights();
  let step = from?.session.step ?? 0;
  let trainingSeconds = from?.trainingSeconds ?? 0;
  const started = clock.monotonic() - 1000 * (from?.seconds ?? 0);
  const secondsSoFar = () => (clock.monotonic() - started) / 1000;
  const timeShare = () =>
    options.maxMinutes === undefined ? 0 : secondsSoFar() / (options.maxMinutes * 60);
  let lastSaved = secondsSoFar();

  const imagesPerSecond = () =>
    trainingSeconds === 0 ? 0 : (step * plan.batchSize) / trainingSeconds;
  /** The schedule follows the clock where time is the tighter limit, so that it still ends low. */
  const scheduleProgress = () => Math.max(step / plan.steps, timeShare());
  const report = () => {
    const share = scheduleProgress();
    request.onProgress?.({
      round: Math.min(curve.length + 1, plan.rounds),
      rounds: plan.rounds,
      epoch: step / plan.stepsPerEpoch,
      step,
      steps: plan.steps,
      loss: meter.loss,
      bestAccuracy: stopping.bestAccuracy,
      roundsLeft: stopping.roundsLeft,
      imagesPerSecond: imagesPerSecond(),
      secondsLeft: step === 0 ? null : Math.max(0, (secondsSoFar() * (1 - share)) / share),
    });
  };

  const save = async () => {
    await checkpoints.save({
      session: session.snapshot(),
      average: average && { updates: average.updates, weights: average.weights() },
      best,
      curve: [...curve],
      stopping: stopping.state(),
      meter: meter.state(),
      rateFactor,
      start: context.start,
      race: context.race,
      seconds: secondsSoFar(),
      trainingSeconds,
    });
    lastSaved = secondsSoFar();
  };

  const takeStep = async () => {
    const before = clock.monotonic();
    const batch = await loader.next();
    if (step === 0) await events?.images(0, batch.pixels, preprocessing);
    const targets = smoothedTargets(batch.labels, classes, recipe.labelSmoothing);
    const rate = plan.peakRate * rateFactor * recipe.schedule(scheduleProgress());
    const { loss, logits } = await session.step(batch.pixels, targets, rate);
    step += 1;
    checkLoss(loss, classes, step, rate);
    average?.update(session.weights());
    meter.add(loss, logits, batch.labels);
    trainingSeconds += (clock.monotonic() - before) / 1000;
    report();
  };

  /** What the validation pictures say of these weights; undefined where there are none. */
  const validate = async (weights: Weights): Promise<Evaluation | undefined> => {
    if (validation.length === 0) return undefined;
    const model = writeModel(modelOf(request, recipe, weights));
    const classifier = await createClassifier(model, { threads });
    try {
      return await evaluateBatches(classifier, context.validationBatches, validation.length);
    } catch (error) {
      // Weights that are not numbers show here where the loss of the last batch was one still.
      if (!isRelearnError(error, 'model_output_invalid')) throw error;
      throw diverged(Number.NaN, step, plan.peakRate * rateFactor);
    } finally {
      await classifier.close();
    }
  };

  /** Which pictures an accuracy of the rounds is of. */
  const judgedOn =
    validation.length > 0
      ? `of ${counted(validation.length, 'validation picture')}`
      : 'of the training pictures, as there are none to validate with';

  const endRound = async () => {
    const weights = currentWeights();
    const validated = await validate(weights);
    const point: CurvePoint = {
      step,
      trainLoss: meter.loss ?? 0,
      trainAccuracy: meter.accuracy,
      trainTop2Accuracy: meter.top2Accuracy,
      validationLoss: validated?.loss ?? meter.loss ?? 0,
      validationAccuracy: validated?.accuracy ?? meter.accuracy,
    };
    curve.push(point);
    const observed = stopping.observe({
      accuracy: point.validationAccuracy,
      loss: point.validationLoss,
      isTrial: curve.length <= plan.patienceFrom,
    });
    if (observed.best || isOnTarget(point.validationAccuracy)) best = weights;
    meter.reset();
    events?.round(point, validated);
    request.onLine?.(
      `round ${curve.length}: train loss ${point.trainLoss.toFixed(4)}, accuracy ${point.validationAccuracy.toFixed(4)} ${judgedOn}, best ${(stopping.bestAccuracy ?? 0).toFixed(4)}${curve.length < plan.rounds ? `, may go ${counted(stopping.roundsLeft, 'more round')} without a better one` : ''}`,
    );
    report();
    checkLearning(point, classes, {
      peak: plan.peakRate * rateFactor,
      usual: Math.max(scratch.learningRate, champion.learningRate),
      progress: scheduleProgress(),
    });
  };

  const isOnTarget = (accuracy: number | null) =>
    accuracy !== null && accuracy >= (options.targetAccuracy ?? Number.POSITIVE_INFINITY);

  const stopReason = (): RunEnd['stoppedBecause'] | undefined => {
    if (isOnTarget(stopping.bestAccuracy)) return 'target-accuracy';
    if (timeShare() >= 1) return 'minutes';
    if (curve.length >= plan.rounds)
      return options.rounds === undefined ? 'schedule-finished' : 'rounds';
    if (stopping.roundsLeft <= 0) return 'patience';
    return undefined;
  };

  try {
    events?.start(session.graph);
    let stoppedBecause = curve.length > 0 ? stopReason() : undefined;
    while (stoppedBecause === undefined) {
      const endOfRound = (curve.length + 1) * plan.stepsPerRound;
      while (step < endOfRound && timeShare() < 1) {
        signal?.throwIfAborted();
        await takeStep();
        if (step < endOfRound && secondsSoFar() - lastSaved >= longestUnsaved) await save();
      }
      await endRound();
      await save();
      stoppedBecause = request.onRound?.(curve) === false ? 'rounds' : stopReason();
    }
    return {
      best,
      rounds: curve.length,
      steps: step,
      stoppedBecause,
      seconds: secondsSoFar(),
      imagesPerSecond: imagesPerSecond(),
      curve,
    };
  } finally {
    await loader.close();
    await session.close();
  }
};
