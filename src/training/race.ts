/**
 * Whether to go on from the champion's weights or from fresh ones. A warm start is ahead at first
 * and can end behind (Ash and Adams 2020), or the champion may have learnt from so little that it is
 * no help. So each start is given one short training of its own, the learning rate falling to
 * nothing, and the one with the lower validation loss is trained in full.
 */
import { counted } from '../base/counted.ts';
import { isDivergence } from './divergence.ts';
import type { FitRequest, FitResult, RaceResult } from './fit-types.ts';
import type { TrainingPlan } from './training-plan.ts';

/** Share of the planned rounds that each heat gets. */
const heatShare = 0.08;
/** With fewer rounds than this the heats would cost more than they tell. */
const fewestRounds = 8;

/** Rounds of a heat; 0 = no race. */
export const heatRounds = (
  { initial, validation, options }: Pick<FitRequest, 'initial' | 'validation' | 'options'>,
  plan: Pick<TrainingPlan, 'rounds'>,
): number => {
  const wanted = options.race === true && initial !== undefined && validation.length > 0;
  return wanted && plan.rounds >= fewestRounds ? Math.ceil(heatShare * plan.rounds) : 0;
};

/** The lowest validation loss that this start comes to; null where it diverges. */
const heat = async (
  request: FitRequest,
  rounds: number,
  train: (request: FitRequest) => Promise<FitResult>,
): Promise<number | null> => {
  const { checkpoints, resume, onRound, onLine, onEvents, ...rest } = request;
  const { maxMinutes, targetAccuracy, ...options } = request.options;
  try {
    const { curve } = await train({
      ...rest,
      options: {
        ...options,
        rounds,
        patience: rounds,
        race: false,
        ...(maxMinutes === undefined ? {} : { maxMinutes: heatShare * maxMinutes }),
      },
    });
    return Math.min(...curve.map(({ validationLoss }) => validationLoss));
  } catch (error) {
    if (isDivergence(error)) return null;
    throw error;
  }
};

/** @param train trains in full what it is asked for, without a race */
export const raceStarts = async (
  request: FitRequest,
  rounds: number,
  train: (request: FitRequest) => Promise<FitResult>,
): Promise<RaceResult> => {
  const { initial: _, ...fresh } = request;
  request.onLine?.(
    `race: ${counted(rounds, 'round')} from the champion, then as many from scratch`,
  );
  const championLoss = await heat(request, rounds, train);
  const scratchLoss = await heat(fresh, rounds, train);
  const race = { rounds, championLoss, scratchLoss };
  const tell = (loss: number | null) => loss?.toFixed(4) ?? 'diverged';
  request.onLine?.(
    `race over ${counted(rounds, 'round')}: validation loss ${tell(championLoss)} from the champion, ${tell(scratchLoss)} from scratch; on from ${winnerOf(race)}`,
  );
  return race;
};

export const winnerOf = ({ championLoss, scratchLoss }: RaceResult): 'champion' | 'scratch' =>
  scratchLoss !== null && scratchLoss < (championLoss ?? Number.POSITIVE_INFINITY)
    ? 'scratch'
    : 'champion';
