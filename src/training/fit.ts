/**
 * Trains one network: plans the rounds, runs them, and where they diverge goes back to the last
 * state that was sound and tries once more, slower. It sees pictures and weights, never a store.
 */
import { RelearnError } from '../base/errors.ts';
import { createRandom } from '../base/random.ts';
import { createEvaluationBatches } from '../data/evaluation-batches.ts';
import type { Architecture } from '../engine/nn/architectures.ts';
import { operateHead, planForLabels } from '../engine/nn/head-surgery.ts';
import { findArchitecture, type Model, readModel, writeModel } from '../engine/nn/model-file.ts';
import type { Recipe } from '../engine/nn/recipe.ts';
import { shrinkPerturb } from '../engine/nn/shrink-perturb.ts';
import { createClassifier } from '../engine/runtime/create-classifier.ts';
import { divergedTwice, isDivergence, isUseless, loweredRate } from './divergence.ts';
import { evaluateBatches } from './evaluate.ts';
import type { FitRequest, FitResult, RaceResult } from './fit-types.ts';
import { heatRounds, raceStarts, winnerOf } from './race.ts';
import { fitTemperature } from './temperature.ts';
import { createTrainingEvents } from './training-events.ts';
import { planTraining } from './training-plan.ts';
import { answeringOn, modelOf, type RunContext, type RunEnd, runRounds } from './training-run.ts';
import { checkpointsInMemory, type TrainingState, type Weights } from './training-state.ts';

export type { CurvePoint, FitOptions, FitRequest, FitResult } from './fit-types.ts';

/**
 * @throws RelearnError invalid/`no_training_pictures`; invalid/`incompatible_model` where `initial`
 *   is of another architecture or size; invalid/`training_diverged`
 */
export const fit = async (request: FitRequest): Promise<FitResult> => {
  if (request.train.length === 0) throw noPictures();
  const from = request.resume ? await request.checkpoints?.last() : undefined;
  if (from) return fitFrom(startingFrom(from.start, request), from.race, from);
  const { clock, options } = request;
  const plan = planTraining(recipeOf(request), options, request.train.length);
  const rounds = heatRounds(request, plan);
  if (rounds === 0) return fitFrom(request, null, undefined);
  const started = clock.monotonic();
  const race = await raceStarts(request, rounds, fit);
  const spent = (clock.monotonic() - started) / 60_000;
  const { maxMinutes } = options;
  const left = maxMinutes === undefined ? {} : { maxMinutes: Math.max(maxMinutes - spent, 0.01) };
  const full = { ...request, options: { ...options, ...left } };
  return fitFrom(startingFrom(winnerOf(race), full), race, undefined);
};

const startingFrom = (start: FitResult['start'], request: FitRequest): FitRequest => {
  const { initial: _, ...fresh } = request;
  return start === 'champion' ? request : fresh;
};

const networkOf = ({ network, architecture }: FitRequest): Architecture =>
  network ?? findArchitecture(architecture);

const recipeOf = (request: FitRequest): Recipe =>
  networkOf(request).recipe[request.initial ? 'champion' : 'scratch'];

/** Trains from the start that was chosen. @param from the state to go on from; undefined = the start */
const fitFrom = async (
  request: FitRequest,
  race: RaceResult | null,
  from: TrainingState | undefined,
): Promise<FitResult> => {
  const { preprocessing, train, validation, options, clock } = request;
  const recipe = recipeOf(request);
  const start = request.initial ? 'champion' : 'scratch';
  const context: RunContext = {
    request,
    recipe,
    start,
    race,
    plan: planTraining(recipe, options, train.length),
    checkpoints: request.checkpoints ?? checkpointsInMemory(),
    validationBatches: createEvaluationBatches({
      pictures: validation,
      preprocessing: answeringOn(preprocessing, recipe),
      batchSize: 64,
    }),
    events: request.onEvents && createTrainingEvents(clock, request.onEvents),
    initialWeights: request.initial && startingWeights(request, request.initial, recipe),
  };
  const { best, ...end } = await runSafely(context, from);
  const model = await calibrate(context, modelOf(request, recipe, best));
  return { ...end, start, race, model: writeModel(model) };
};

/** Divides the logits so that the model is as sure of the validation pictures as it is right. */
const calibrate = async (
  { request: { validation, labels, threads }, validationBatches }: RunContext,
  model: Model,
): Promise<Model> => {
  if (validation.length === 0) return model;
  const classifier = await createClassifier(writeModel(model), { threads });
  try {
    const { probabilities } = await evaluateBatches(
      classifier,
      validationBatches,
      validation.length,
    );
    const truth = validation.map(({ label }) => label);
    const temperature = fitTemperature(probabilities, labels.length, truth);
    return { ...model, readout: { ...model.readout, temperature } };
  } finally {
    await classifier.close();
  }
};

/**
 * Runs; after a divergence goes back to the last checkpoint, or to the start where the checkpoints
 * are no use either, and on from there with a tenth of the rate.
 */
const runSafely = async (context: RunContext, from: TrainingState | undefined): Promise<RunEnd> => {
  const rateFactor = from?.rateFactor ?? 1;
  let first: RelearnError;
  try {
    return await runRounds(context, from, rateFactor);
  } catch (error) {
    if (!isDivergence(error) || rateFactor < 1) throw error;
    first = error;
  }
  const startsOver = isUseless(first);
  context.request.onLine?.(
    `${first.message} ${startsOver ? 'Starting over' : 'Going back, and on'} with a tenth of the rate.`,
  );
  try {
    const sound = startsOver ? undefined : await context.checkpoints.last();
    return await runRounds(context, sound, loweredRate);
  } catch (error) {
    throw isDivergence(error) ? divergedTwice(first, error, context.recipe.learningRate) : error;
  }
};

const noPictures = (): RelearnError =>
  new RelearnError('invalid', 'no_training_pictures', 'There are no pictures to train on.', {
    hint: 'Import labelled pictures first: relearn import FOLDER',
  });

/** The champion's weights, prepared for more training as the recipe says. */
const startingWeights = (request: FitRequest, initial: Uint8Array, recipe: Recipe): Weights => {
  const weights = readInitialWeights(request, initial, recipe);
  const { shrinkPerturb: settings } = recipe;
  if (!settings) return weights;
  return shrinkPerturb(weights, settings, {
    architecture: networkOf(request),
    classes: request.labels.length,
    random: createRandom(request.options.seed).fork('perturb'),
  });
};

/** Classes are matched by name: same names keep their rows, missing ones go, others are added. */
const readInitialWeights = (
  { architecture, labels, preprocessing }: FitRequest,
  bytes: Uint8Array,
  recipe: Recipe,
): Weights => {
  const model = readModel(bytes);
  const { width } = answeringOn(preprocessing, recipe);
  // Models of earlier releases answer on the size that they trained on.
  const isOfSize = [width, preprocessing.width].includes(model.preprocessing.width);
  if (model.architecture === architecture && isOfSize) {
    return operateHead(model, planForLabels(model.labels, labels)).weights;
  }
  throw new RelearnError(
    'invalid',
    'incompatible_model',
    `The model to continue from is ${model.architecture} at ${model.preprocessing.width} pixels; asked for ${architecture} at ${width} pixels.`,
    { hint: 'Train from scratch: relearn train --from scratch' },
  );
};
