/**
 * The TensorBoard file of a run, rewritten whole every few seconds, so that TensorBoard can watch a
 * training in a local store and any store holds the full file in the end.
 */
import { runFileKey } from '../../records/keys.ts';
import type { TrainingSite } from './run-training.ts';

/** Milliseconds. */
const writeInterval = 15_000;

export interface EventFile {
  /** @param record framed already */
  add(record: Uint8Array): void;
  close(): Promise<void>;
}

export const createEventFile = (
  { store, clock }: Pick<TrainingSite, 'store' | 'clock'>,
  runId: string,
): EventFile => {
  const key = runFileKey(runId, `events.out.tfevents.${Math.floor(clock.now() / 1000)}.relearn`);
  const records: Uint8Array[] = [];
  let lastWrite = clock.monotonic();
  let writing: Promise<void> = Promise.resolve();
  const write = () => {
    lastWrite = clock.monotonic();
    const bytes = Buffer.concat(records);
    // A curve that can't be written must not cost the training.
    writing = writing.then(() => store.put(key, bytes)).catch(() => {});
  };
  return {
    add: (record) => {
      records.push(record);
      if (clock.monotonic() - lastWrite >= writeInterval) write();
    },
    close: async () => {
      write();
      await writing;
    },
  };
};
