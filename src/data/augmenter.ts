/** Varies batches, in this thread or in one worker thread, with the same results. */
import { Worker } from 'node:worker_threads';
import { RelearnError } from '../base/errors.ts';
import { augmentBatch } from './augment.ts';
import type { AugmentedBatch, AugmentJob } from './augment-worker.ts';
import type { Geometry, Variation } from './augmentation.ts';

export interface Augmenter {
  /** @returns uint8 [N, H, W, C] */
  augment(sources: readonly Uint8Array[], variations: readonly Variation[]): Promise<Uint8Array>;
  close(): Promise<void>;
}

export const augmentHere = (geometry: Geometry): Augmenter => ({
  augment: async (sources, variations) => augmentBatch(sources, variations, geometry),
  close: async () => {},
});

/** Where the build puts augment-worker.ts: beside the chunk that holds this file. */
const builtWorker = () => new URL('./augment-worker.js', import.meta.url);

/** @param file the built augment-worker; tests bring their own */
export const augmentInWorker = (geometry: Geometry, file: URL = builtWorker()): Augmenter => {
  interface Waiting {
    resolve(pixels: Uint8Array): void;
    reject(error: unknown): void;
  }
  const worker = new Worker(file, { workerData: geometry });
  const waiting = new Map<number, Waiting>();
  let jobs = 0;
  let stopped: RelearnError | undefined;

  const stop = (cause?: unknown) => {
    stopped ??= new RelearnError(
      'internal',
      'augment_worker_stopped',
      'The thread that prepares training pictures has stopped.',
      { cause },
    );
    for (const { reject } of waiting.values()) reject(stopped);
    waiting.clear();
  };
  worker.on('message', ({ id, pixels }: AugmentedBatch) => {
    waiting.get(id)?.resolve(pixels);
    waiting.delete(id);
  });
  worker.on('error', stop);
  worker.on('exit', () => stop());

  return {
    augment: (sources, variations) =>
      new Promise((resolve, reject) => {
        if (stopped) return reject(stopped);
        const id = jobs++;
        waiting.set(id, { resolve, reject });
        worker.postMessage({ id, sources, variations } satisfies AugmentJob);
      }),
    close: async () => {
      await worker.terminate();
    },
  };
};
