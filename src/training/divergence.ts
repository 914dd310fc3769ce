/**
 * When a training has left the ground: its loss is no number any more, or absurdly high, or a rate far
 * above the usual one has left a network that answers no better than a guess.
 */
import { isRelearnError, RelearnError } from '../base/errors.ts';
import type { CurvePoint } from './fit-types.ts';

/**
 * Guessing costs ln(classes). A mean of 50 times as much takes a network that is sure, and wrong,
 * about whole batches; no training that still learns gets there.
 */
const absurd = 50;

export const diverged = (loss: number, step: number, rate: number): RelearnError =>
  new RelearnError(
    'invalid',
    'training_diverged',
    `The training diverged: at step ${step}, with the learning rate ${rate.toPrecision(3)}, the loss was ${Number.isFinite(loss) ? loss.toPrecision(4) : 'not a number any more'}.`,
    { details: { step, rate, loss: Number.isFinite(loss) ? loss : null } },
  );

/** @throws RelearnError invalid/`training_diverged` */
export const checkLoss = (loss: number, classes: number, step: number, rate: number): void => {
  if (!(loss <= absurd * Math.log(classes))) throw diverged(loss, step, rate);
};

/**
 * From here on a rate is suspected where nothing is learnt. Below, what can't be learnt (labels at
 * random, pictures all alike) looks the same, and no rate would help.
 */
const suspicious = 10;
/** In fewer steps no rate gets anywhere. */
const fewestSteps = 20;
/** Rates that are high, and not too high, are better than a guess from the middle of the schedule on. */
const judgedFrom = 0.5;
/** A network that has come down to one answer for all pictures costs ln(classes), give or take this share. */
const guessing = 0.99;

export interface RateInUse {
  /** Peak of the schedule, as it is used. */
  readonly peak: number;
  /** The highest that the network's recipes name. */
  readonly usual: number;
  /** How much of the schedule is over, 0..1. */
  readonly progress: number;
}

/**
 * Looks at the figures of a round. Weights that a rate far too high has thrown about are as finite as
 * others, but their ReLUs are dead or their answers one and the same: training and validation loss
 * stay at a guess's.
 * @throws RelearnError invalid/`training_diverged`
 */
export const checkLearning = (
  { step, trainLoss, validationLoss }: CurvePoint,
  classes: number,
  { peak, usual, progress }: RateInUse,
): void => {
  if (peak < suspicious * usual || step < fewestSteps || progress < judgedFrom) return;
  const guess = Math.log(classes);
  if (Math.min(trainLoss, validationLoss) < guessing * guess) return;
  throw new RelearnError(
    'invalid',
    'training_diverged',
    `The training diverged: after ${step} steps, with a learning rate of ${peak.toPrecision(3)} at its peak (usual: ${usual}), the loss was ${trainLoss.toPrecision(4)} on the pictures it learns from and ${validationLoss.toPrecision(4)} on the others, where guessing costs ${guess.toPrecision(4)}.`,
    { details: { step, rate: peak, loss: trainLoss, validationLoss, isUseless: true } },
  );
};

/** Whether none of the run's states is worth going back to. */
export const isUseless = ({ details }: RelearnError): boolean => details?.isUseless === true;

export const isDivergence = (error: unknown): error is RelearnError =>
  isRelearnError(error, 'training_diverged');

/** How much the learning rate is lowered after the first divergence. */
export const loweredRate = 0.1;

/**
 * The second divergence of a run ends it, with the numbers of both.
 * @param usualRate the recipe's peak, which is advised before anything higher
 */
export const divergedTwice = (
  first: RelearnError,
  second: RelearnError,
  usualRate: number,
): RelearnError => {
  const rate = Number(second.details?.rate);
  const lower = rate / 10;
  return new RelearnError(
    'invalid',
    'training_diverged',
    `${first.message} ${isUseless(first) ? 'Started over' : 'Gone back and tried'} with a tenth of the rate: at step ${second.details?.step}, with ${rate.toPrecision(3)}, it diverged again. Nothing was changed.`,
    {
      hint:
        lower > usualRate
          ? `Leave --learning-rate out, or choose one near ${usualRate}, which is usual for this network.`
          : `Train again with a lower rate: --learning-rate ${lower.toPrecision(1)}`,
      details: { first: first.details, second: second.details },
      cause: second,
    },
  );
};
