/** A classifier in a worker thread, so that the thread that serves requests never blocks. */
import { Worker } from 'node:worker_threads';
import './disable-telemetry.ts';
import { type ErrorKind, RelearnError } from '../../base/errors.ts';
import type { Preprocessing } from '../../records/preprocessing.ts';
import type { Classifier } from './classifier.ts';

export interface WorkerStart {
  readonly model: Uint8Array;
  readonly threads: number;
}

export type ToWorker =
  | {
      readonly type: 'classify';
      readonly id: number;
      readonly pixels: Uint8Array;
      readonly count: number;
    }
  | { readonly type: 'stop' };

export type FromWorker =
  | {
      readonly type: 'ready';
      readonly labels: readonly string[];
      readonly preprocessing: Preprocessing;
      readonly temperature: number;
    }
  | { readonly type: 'answer'; readonly id: number; readonly probabilities: Float32Array }
  | {
      readonly type: 'failed';
      /** 0 = the model could not be loaded. */
      readonly id: number;
      readonly kind: ErrorKind;
      readonly code: string;
      readonly message: string;
    };

interface Pending {
  resolve(probabilities: Float32Array): void;
  reject(error: Error): void;
}

const threadEnded = () =>
  new RelearnError('unavailable', 'model_not_ready', 'The thread that runs the model has ended.', {
    hint: 'Ask again in a moment.',
  });

/**
 * @param entry the built classifier-worker file
 * @throws RelearnError corrupt/`invalid_model_file`
 */
export const createWorkerClassifier = async (
  model: Uint8Array,
  { threads = 1, entry }: { readonly threads?: number; readonly entry: URL },
): Promise<Classifier> => {
  const worker = new Worker(entry, { workerData: { model, threads } satisfies WorkerStart });
  const pending = new Map<number, Pending>();
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  let lastId = 0;
  let alive = true;

  const ready = await new Promise<Extract<FromWorker, { type: 'ready' }>>((resolve, reject) => {
    const failAll = (error: Error) => {
      alive = false;
      reject(error);
      for (const { reject: rejectOne } of pending.values()) rejectOne(error);
      pending.clear();
    };
    worker.on('error', failAll);
    worker.on('exit', () => failAll(threadEnded()));
    worker.on('message', (message: FromWorker) => {
      if (message.type === 'ready') return resolve(message);
      const waiting = pending.get(message.id);
      pending.delete(message.id);
      if (message.type === 'answer') return waiting?.resolve(message.probabilities);
      const error = new RelearnError(message.kind, message.code, message.message);
      if (message.id === 0) reject(error);
      else waiting?.reject(error);
    });
  });

  return {
    labels: ready.labels,
    preprocessing: ready.preprocessing,
    temperature: ready.temperature,
    classify: (pixels, count) =>
      new Promise((resolve, reject) => {
        if (!alive) return reject(threadEnded());
        lastId += 1;
        pending.set(lastId, { resolve, reject });
        worker.postMessage({ type: 'classify', id: lastId, pixels, count } satisfies ToWorker);
      }),
    // Messages are handled in order, so what was asked before is answered first.
    close: async () => {
      if (alive) worker.postMessage({ type: 'stop' } satisfies ToWorker);
      await ended;
    },
  };
};
