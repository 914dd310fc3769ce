/**
 * A training between two steps: all that its further course depends on, besides the request that it
 * was started with. A run that goes on from it ends in the same weights, bit for bit, as one that
 * was never interrupted.
 */
import type { SessionSnapshot } from '../engine/runtime/training-session.ts';
import type { StoppingState } from './early-stopping.ts';
import type { CurvePoint, RaceResult } from './fit-types.ts';
import type { MeterState } from './round-meter.ts';

export type Weights = ReadonlyMap<string, Float32Array>;

export interface TrainingState {
  /** Weights, optimizer states and the number of steps taken. */
  readonly session: SessionSnapshot;
  /** The moving average of the weights; null where the recipe keeps none. */
  readonly average: { readonly updates: number; readonly weights: Weights } | null;
  /** Weights of the best round so far, or those of the start. */
  readonly best: Weights;
  readonly curve: readonly CurvePoint[];
  readonly stopping: StoppingState;
  /** Figures of the round that is under way. */
  readonly meter: MeterState;
  /** What the weights started as, and how that was chosen. */
  readonly start: 'champion' | 'scratch';
  readonly race: RaceResult | null;
  /** What the learning rate is multiplied with; below 1 once a run has diverged. */
  readonly rateFactor: number;
  /** Seconds since the start, and those of them spent on steps. */
  readonly seconds: number;
  readonly trainingSeconds: number;
}

export const copyWeights = (weights: Weights): Weights =>
  new Map([...weights].map(([name, data]) => [name, data.slice()]));

/** Where a run notes its state. */
export interface Checkpoints {
  /** Takes what it needs before it resolves: later steps write over the session's tensors. */
  save(state: TrainingState): Promise<void>;
  /** The last one saved; undefined where there is none. */
  last(): Promise<TrainingState | undefined>;
}

export const checkpointsInMemory = (): Checkpoints => {
  let kept: TrainingState | undefined;
  return {
    save: async (state) => {
      const { step, tensors } = state.session;
      kept = { ...state, session: { step, tensors: copyWeights(tensors) } };
    },
    last: async () => kept,
  };
};
