/**
 * A backbone in several threads, each with one core and small batches of its own: its activations
 * stay in that core's cache, and nothing waits for the other core between two layers.
 */
import { Worker } from 'node:worker_threads';
import './disable-telemetry.ts';
import { RelearnError } from '../../base/errors.ts';
import type { FeatureExtractor, FeatureModel } from './feature-extractor.ts';

export type ToFeatureWorker =
  | {
      readonly type: 'extract';
      readonly id: number;
      readonly pixels: Uint8Array;
      readonly count: number;
    }
  | { readonly type: 'stop' };

export interface FromFeatureWorker {
  readonly id: number;
  readonly features: Float32Array;
}

interface Waiting {
  resolve(features: Float32Array): void;
  reject(error: unknown): void;
}

interface Hand {
  readonly waiting: ReadonlyMap<number, Waiting>;
  extract(pixels: Uint8Array, count: number): Promise<Float32Array>;
  stop(): Promise<void>;
}

const startWorker = (file: URL, model: FeatureModel): Hand => {
  const worker = new Worker(file, { workerData: model });
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const waiting = new Map<number, Waiting>();
  let jobs = 0;
  let stopped: RelearnError | undefined;
  const fail = (cause?: unknown) => {
    stopped ??= new RelearnError(
      'internal',
      'feature_worker_stopped',
      'The thread that computes features has stopped.',
      { cause },
    );
    for (const { reject } of waiting.values()) reject(stopped);
    waiting.clear();
  };
  worker.on('message', ({ id, features }: FromFeatureWorker) => {
    waiting.get(id)?.resolve(features);
    waiting.delete(id);
  });
  worker.on('error', fail);
  worker.on('exit', () => fail());
  return {
    waiting,
    extract: (pixels, count) =>
      new Promise((resolve, reject) => {
        if (stopped) return reject(stopped);
        const id = jobs++;
        waiting.set(id, { resolve, reject });
        worker.postMessage({ type: 'extract', id, pixels, count } satisfies ToFeatureWorker);
      }),
    stop: async () => {
      worker.postMessage({ type: 'stop' } satisfies ToFeatureWorker);
      await ended;
    },
  };
};

/** Where the build puts feature-worker.ts: beside the chunk that holds this file. */
const builtWorker = () => new URL('./feature-worker.js', import.meta.url);

export const extractInWorkers = (model: FeatureModel, workers: number): FeatureExtractor => {
  const hands = Array.from({ length: workers }, () => startWorker(builtWorker(), model));
  return {
    batchSize: model.batchSize,
    parallel: workers,
    extract: (pixels, count) => {
      const free = hands.reduce((least, hand) =>
        hand.waiting.size < least.waiting.size ? hand : least,
      );
      return free.extract(pixels, count);
    },
    close: async () => {
      await Promise.all(hands.map((hand) => hand.stop()));
    },
  };
};
