/**
 * How long a training runs and in what portions: from the recipe, the number of pictures and what
 * the caller asked for. Pure arithmetic.
 */
import type { Recipe } from '../engine/nn/recipe.ts';
import type { FitOptions } from './fit-types.ts';

export interface TrainingPlan {
  readonly batchSize: number;
  readonly stepsPerEpoch: number;
  readonly stepsPerRound: number;
  readonly rounds: number;
  /** rounds × stepsPerRound; what the learning-rate schedule is stretched over. */
  readonly steps: number;
  readonly peakRate: number;
  readonly patience: number;
  /** The round after which patience begins to count. */
  readonly patienceFrom: number;
}

/** The number of pictures for which a recipe names its epochs. */
const referencePictures = 8_000;

/**
 * A set that is 16 times smaller is shown twice as often: it needs fewer steps in all, and more of
 * them for each picture.
 */
const repetition = 0.25;

/** Fewer steps say too little about the direction a training takes: patience would end on noise. */
const shortestRound = 20;

const defaultPatience = 5;

export const planTraining = (
  recipe: Pick<Recipe, 'batchSize' | 'epochs' | 'learningRate'>,
  options: FitOptions,
  pictures: number,
): TrainingPlan => {
  const batchSize = options.batchSize ?? Math.min(recipe.batchSize, pictures);
  const stepsPerEpoch = Math.ceil(pictures / batchSize);
  const stepsPerRound = options.steps ?? Math.max(stepsPerEpoch, shortestRound);
  const epochs = recipe.epochs * (referencePictures / pictures) ** repetition;
  // Of steps that see as many pictures as the recipe's own batches would.
  const wanted = (epochs * pictures) / batchSize / stepsPerRound;
  const rounds = options.rounds ?? Math.max(1, Math.round(wanted));
  return {
    batchSize,
    stepsPerEpoch,
    stepsPerRound,
    rounds,
    steps: rounds * stepsPerRound,
    peakRate: options.learningRate ?? recipe.learningRate,
    patience: options.patience ?? defaultPatience,
    // A rate that is still high keeps the accuracy down; it comes up as the rate falls. Whoever names
    // a patience means it from the start.
    patienceFrom: options.patience === undefined ? Math.floor(rounds / 2) : 0,
  };
};
