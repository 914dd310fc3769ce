/**
 * Training batches: picks pictures, decodes each once, varies them and hands out uint8 batches,
 * a few ahead of the trainer. All chances are drawn in one order before any work starts, so that
 * batches do not depend on threads or on which decode finishes first.
 */
import { RelearnError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { Preprocessing } from '../records/preprocessing.ts';
import { type Augmentation, drawVariation, type Geometry } from './augmentation.ts';
import { augmentHere, augmentInWorker } from './augmenter.ts';
import { createBatchSampler } from './batch-sampler.ts';
import { createPixelCache, type LabelledPicture } from './pixel-cache.ts';

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
  /** Batches that an interrupted run has had already; this loader goes on after them. Default 0. */
  readonly skip?: number;
  /** Decoded pictures kept in memory, in bytes. Default 2 GiB; the rest is decoded on demand. */
  readonly memoryBudgetBytes?: number;
  /** Default true: vary pictures in a worker thread. It exists only in the built program. */
  readonly workers?: boolean;
}

export interface DataLoader {
  /** The next batch, for ever; every batch has exactly batchSize pictures. */
  next(): Promise<TrainingBatch>;
  /** ceil(pictures / batchSize). */
  readonly stepsPerEpoch: number;
  /** Ends the thread; batches still under way are dropped. */
  close(): Promise<void>;
}

/** Batches under way while the trainer works on one. */
const prefetched = 3;

/** @throws RelearnError invalid/`no_training_pictures` */
export const createDataLoader = (options: DataLoaderOptions): DataLoader => {
  const { pictures, preprocessing, augmentation, batchSize, random } = options;
  if (pictures.length === 0) {
    throw new RelearnError('invalid', 'no_training_pictures', 'There is no picture to train on.', {
      hint: 'Import labelled pictures first.',
    });
  }
  const { width, height, channels } = preprocessing;
  const scale = augmentation?.oversample ?? 1;
  const source = { width: Math.ceil(width * scale), height: Math.ceil(height * scale) };
  const geometry: Geometry = { source, target: { width, height }, channels };
  const cache = createPixelCache(
    pictures,
    { ...preprocessing, ...source },
    options.memoryBudgetBytes,
  );
  const drawPicture = createBatchSampler(
    pictures.map(({ label }) => label),
    options.balanced,
    random.fork('order'),
  );
  const workers = (options.workers ?? true) && augmentation !== null;
  const augmenter = workers ? augmentInWorker(geometry) : augmentHere(geometry);

  let batches = options.skip ?? 0;
  for (let drawn = 0; drawn < batches * batchSize; drawn++) drawPicture();
  const prepare = async (): Promise<TrainingBatch> => {
    const indices = Array.from({ length: batchSize }, drawPicture);
    const chances = random.fork(`batch ${batches++}`);
    const variations =
      augmentation && indices.map(() => drawVariation(chances, augmentation, geometry));
    const labels = Int32Array.from(indices, (index) => (pictures[index] as LabelledPicture).label);
    const sources = await Promise.all(indices.map(cache.pixels));
    const pixels = variations
      ? await augmenter.augment(sources, variations)
      : joinPictures(sources);
    return { pixels, labels };
  };

  const queue: Promise<TrainingBatch>[] = [];
  return {
    stepsPerEpoch: Math.ceil(pictures.length / batchSize),
    next: () => {
      while (queue.length <= prefetched) {
        const batch = prepare();
        // A failure is reported by the call that reaches this batch, not before.
        batch.catch(() => {});
        queue.push(batch);
      }
      return queue.shift() as Promise<TrainingBatch>;
    },
    close: () => augmenter.close(),
  };
};

/** Copies pictures of one size into one array. */
export const joinPictures = (pictures: readonly Uint8Array[]): Uint8Array => {
  const each = pictures[0]?.length ?? 0;
  const joined = new Uint8Array(pictures.length * each);
  for (const [index, pixels] of pictures.entries()) joined.set(pixels, index * each);
  return joined;
};
