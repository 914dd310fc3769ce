/** Batches in fixed order, nothing varied, the last one shorter: for validation and the holdout. */
import type { Preprocessing } from '../records/preprocessing.ts';
import type { TrainingBatch } from './data-loader.ts';
import type { LabelledPicture } from './pixel-cache.ts';

export interface EvaluationBatchesOptions {
  readonly pictures: readonly LabelledPicture[];
  readonly preprocessing: Preprocessing;
  readonly batchSize: number;
  readonly memoryBudgetBytes?: number;
}

/** Can be iterated again and again: pictures are decoded at the first pass and kept. */
export declare const createEvaluationBatches: (
  options: EvaluationBatchesOptions,
) => AsyncIterable<TrainingBatch>;
