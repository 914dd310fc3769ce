/** When a training has left the ground: its loss is no number any more, or absurdly high. */
import { isRelearnError, RelearnError } from '../base/errors.ts';

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
    `${first.message} Gone back and tried with a tenth of the rate: at step ${second.details?.step}, with ${rate.toPrecision(3)}, it diverged again. Nothing was changed.`,
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
