/**
 * The thread behind `createWorkerClassifier`: loads one model, answers one question at a time, and
 * ends by itself when told to stop. It is never terminated from outside: ONNX Runtime aborts the
 * whole process when a thread dies inside a run.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { isRelearnError } from '../../base/errors.ts';
import { createClassifier } from './create-classifier.ts';
import type { FromWorker, ToWorker, WorkerStart } from './worker-classifier.ts';

const port = parentPort;
if (!port) throw new Error('this file runs as a worker thread');

const send = (message: FromWorker, transfer: ArrayBuffer[] = []) =>
  port.postMessage(message, transfer);

const failure = (id: number, error: unknown): FromWorker => ({
  type: 'failed',
  id,
  code: isRelearnError(error) ? error.code : 'internal',
  kind: isRelearnError(error) ? error.kind : 'internal',
  message: error instanceof Error ? error.message : String(error),
});

const { model, threads } = workerData as WorkerStart;
try {
  const classifier = await createClassifier(model, { threads });
  port.on('message', async (message: ToWorker) => {
    if (message.type === 'stop') {
      await classifier.close();
      port.close();
      return;
    }
    try {
      const probabilities = await classifier.classify(message.pixels, message.count);
      send({ type: 'answer', id: message.id, probabilities }, [
        probabilities.buffer as ArrayBuffer,
      ]);
    } catch (error) {
      send(failure(message.id, error));
    }
  });
  const { labels, preprocessing, temperature } = classifier;
  send({ type: 'ready', labels, preprocessing, temperature });
} catch (error) {
  send(failure(0, error));
  port.close();
}
