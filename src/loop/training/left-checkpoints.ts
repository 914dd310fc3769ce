/** Checkpoints as the store's keeper sees them: read, described and cleaned up, never computed with. */
import { isRelearnError } from '../../base/errors.ts';
import { type CheckpointRecord, decodeCheckpoint } from '../../records/checkpoint.ts';
import { checkpointKey, parseCheckpointKey, runsPrefix } from '../../records/keys.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

/** @throws RelearnError corrupt/`corrupt_record` */
export const readCheckpoint = async (
  store: ObjectStore,
  runId: string,
): Promise<CheckpointRecord | undefined> => {
  const key = checkpointKey(runId);
  const bytes = await store.get(key);
  return bytes && decodeCheckpoint(bytes, key);
};

export interface CheckpointDescription {
  readonly savedAt: string;
  /** Whole rounds, and steps. */
  readonly rounds: number;
  readonly step: number;
}

/** What there is of a run to go on from; undefined where nothing can be read. */
export const describeCheckpoint = async (
  store: ObjectStore,
  runId: string,
): Promise<CheckpointDescription | undefined> => {
  try {
    const record = await readCheckpoint(store, runId);
    if (!record) return undefined;
    const { savedAt, figures } = record;
    return { savedAt, rounds: figures.curve.length, step: figures.step };
  } catch (error) {
    if (isRelearnError(error, 'corrupt_record')) return undefined;
    throw error;
  }
};

/** Removes the checkpoints of these runs. */
export const removeCheckpoints = async (
  store: ObjectStore,
  isDead: (runId: string) => boolean,
): Promise<void> => {
  const dead: string[] = [];
  for await (const { key } of store.list(runsPrefix)) {
    const runId = parseCheckpointKey(key);
    if (runId !== undefined && isDead(runId)) dead.push(key);
  }
  // The record before its parts: what it names must be there as long as it is.
  for (const key of dead.sort((a, b) => a.length - b.length)) await store.delete(key);
};
