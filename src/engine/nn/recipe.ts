/** How an architecture is trained by default: everything that `train` can override, and the rest. */
import type { OptimizerSettings } from './optimizers.ts';
import type { Schedule } from './schedules.ts';
import type { ShrinkPerturb } from './shrink-perturb.ts';

export interface Recipe {
  readonly batchSize: number;
  readonly optimizer: OptimizerSettings;
  readonly learningRate: number;
  readonly schedule: Schedule;
  /** Passes over the training pictures where there are 8,000; fewer pictures are shown more often. */
  readonly epochs: number;
  /** What is done to weights that are trained further; null = nothing. */
  readonly shrinkPerturb: ShrinkPerturb | null;
  readonly labelSmoothing: number;
  /** Decay of the moving average of the weights that is evaluated and kept; null = the last step's. */
  readonly averageDecay: number | null;
  /**
   * Side of the pictures that the model answers on, as a multiple of the side that it trains on.
   * Random crops are enlarged, so that things look larger in training than in whole pictures of the
   * same side (Touvron et al. 2019, "Fixing the train-test resolution discrepancy").
   */
  readonly answerScale: number;
  /** Answer with the mean over the picture and its mirror image; see readout.ts. */
  readonly mirror: boolean;
  /** Name of an augmentation of src/data. */
  readonly augmentation: 'none' | 'flip' | 'standard';
}
