/** Batches in fixed order, nothing varied, the last one shorter: for validation and the holdout. */
import type { Preprocessing } from '../records/preprocessing.ts';
import { joinPictures, type TrainingBatch } from './data-loader.ts';
import { createPixelCache, type LabelledPicture } from './pixel-cache.ts';

export interface EvaluationBatchesOptions {
  readonly pictures: readonly LabelledPicture[];
  readonly preprocessing: Preprocessing;
  readonly batchSize: number;
  /** Decoded pictures kept for the next pass, in bytes. Default 2 GiB. */
  readonly memoryBudgetBytes?: number;
}

/** Can be iterated again and again: pictures are decoded in the first pass and kept. */
export const createEvaluationBatches = ({
  pictures,
  preprocessing,
  batchSize,
  memoryBudgetBytes,
}: EvaluationBatchesOptions): AsyncIterable<TrainingBatch> => {
  const cache = createPixelCache(pictures, preprocessing, memoryBudgetBytes);
  const prepare = async (start: number): Promise<TrainingBatch> => {
    const part = pictures.slice(start, start + batchSize);
    const pixels = await Promise.all(part.map((_, index) => cache.pixels(start + index)));
    return {
      pixels: joinPictures(pixels),
      labels: Int32Array.from(part, ({ label }) => label),
    };
  };
  return {
    async *[Symbol.asyncIterator]() {
      let ahead = prepare(0);
      for (let start = 0; start < pictures.length; start += batchSize) {
        const batch = await ahead;
        // Decodes the next batch while the model works on this one.
        ahead = prepare(start + batchSize);
        ahead.catch(() => {});
        yield batch;
      }
    },
  };
};
