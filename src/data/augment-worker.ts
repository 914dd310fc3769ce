/** Entry of the thread that varies pictures; augmenter.ts speaks with it. */
import { parentPort, workerData } from 'node:worker_threads';
import { augmentBatch } from './augment.ts';
import type { Geometry, Variation } from './augmentation.ts';

export interface AugmentJob {
  readonly id: number;
  /** Views of the memory both threads share, or copies where a picture is not kept. */
  readonly sources: readonly Uint8Array[];
  readonly variations: readonly Variation[];
}

export interface AugmentedBatch {
  readonly id: number;
  readonly pixels: Uint8Array<ArrayBuffer>;
}

parentPort?.on('message', ({ id, sources, variations }: AugmentJob) => {
  const pixels = augmentBatch(sources, variations, workerData as Geometry);
  parentPort?.postMessage({ id, pixels }, [pixels.buffer as ArrayBuffer]);
});
