/**
 * Training batches: picks pictures, decodes each once, varies them and hands out uint8 batches,
 * a few ahead of the trainer. The varying runs in one worker thread; without it the same code runs
 * here, with the same results.
 */
import type { Random } from '../base/random.ts';
import type { Preprocessing } from '../records/preprocessing.ts';
import type { Augmentation } from './augmentation.ts';
import type { LabelledPicture } from './pixel-cache.ts';

export interface TrainingBatch {
  /** uint8 [N, H, W, C]. */
  readonly pixels: Uint8Array;
  /** int32 [N], class indices. */
  readonly labels: Int32Array;
}

export interface DataLoaderOptions {
  readonly pictures: readonly LabelledPicture[];
  readonly preprocessing: Preprocessing;
  /** null = pictures as serving sees them. */
  readonly augmentation: Augmentation | null;
  readonly batchSize: number;
  readonly random: Random;
  /** true = every batch draws the classes equally; false = shuffled without replacement. */
  readonly balanced: boolean;
  /** Decoded pictures kept in memory, in bytes. Default 2 GiB; the rest is decoded on demand. */
  readonly memoryBudgetBytes?: number;
  /** Default true: vary pictures in a worker thread. */
  readonly workers?: boolean;
}

export interface DataLoader {
  /** The next batch, for ever; every batch has exactly batchSize pictures. */
  next(): Promise<TrainingBatch>;
  /** ceil(pictures / batchSize). */
  readonly stepsPerEpoch: number;
  close(): Promise<void>;
}

export declare const createDataLoader: (options: DataLoaderOptions) => DataLoader;
