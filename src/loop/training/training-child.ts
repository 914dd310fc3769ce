/**
 * The entry of the training process: takes one order, trains, tells the outcome and ends. It holds
 * no lease and writes no log entry.
 */
import { randomUUID } from 'node:crypto';
import { systemClock } from '../../base/clock.ts';
import { loadSettings } from '../../records/stored-settings.ts';
import { trainingPatience } from '../../storage/bucket/limits.ts';
import { openStore } from '../../storage/open-store.ts';
import { runTraining } from './run-training.ts';
import { type TrainingMessage, type TrainingOrder, toSentError } from './training-messages.ts';

const tell = (message: TrainingMessage): Promise<void> =>
  new Promise((resolve) => {
    if (!process.connected) return resolve();
    process.send?.(message, undefined, undefined, () => resolve());
  });

/** Ends at once, whatever native code is doing: without a parent nobody wants the result. */
const endNow = () => process.kill(process.pid, 'SIGKILL');

// Ctrl-C reaches the whole group; the parent decides what becomes of this process.
process.on('SIGINT', () => {});
process.on('disconnect', endNow);

process.once('message', async (order: TrainingOrder) => {
  const { store: url, threads, request, credentials } = order;
  try {
    const clock = systemClock;
    const store = await openStore(url, {
      clock,
      newId: randomUUID,
      env: process.env,
      // Hours of work are not thrown away for a storage that is started again.
      limits: { patience: trainingPatience },
      ...(credentials ? { credentials: () => credentials } : {}),
    });
    const settings = await loadSettings(store);
    const outcome = await runTraining({ store, settings, clock, threads }, request, {
      signal: new AbortController().signal,
      onProgress: (progress) => void tell({ type: 'progress', progress }),
      onLine: (line) => void tell({ type: 'line', line }),
      onCurve: (points) => void tell({ type: 'curve', points }),
      onDecoding: (key) => tell({ type: 'decoding', key }),
    });
    await tell({ type: 'done', outcome });
  } catch (error) {
    await tell({ type: 'error', error: toSentError(error) });
  }
  // Whatever is still open here (a thread, native code) must not hold back what was told.
  process.exit();
});
