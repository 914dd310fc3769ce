/**
 * The thread behind `extractInWorkers`: loads one backbone, answers batches in the order in which
 * they come, and ends by itself when told to stop (see classifier-worker.ts for why).
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { FeatureModel } from './feature-extractor.ts';
import { extractHere } from './feature-extractor.ts';
import type { FromFeatureWorker, ToFeatureWorker } from './feature-workers.ts';

const port = parentPort;
if (!port) throw new Error('this file runs as a worker thread');

const extractor = await extractHere(workerData as FeatureModel, { threads: 1 });
port.on('message', async (message: ToFeatureWorker) => {
  if (message.type === 'stop') {
    await extractor.close();
    port.close();
    return;
  }
  const { id, pixels, count } = message;
  const features = await extractor.extract(pixels, count);
  port.postMessage({ id, features } satisfies FromFeatureWorker, [features.buffer as ArrayBuffer]);
});
