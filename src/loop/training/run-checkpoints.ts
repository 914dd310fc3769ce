/**
 * The last checkpoint of a run, in the store: parts that are named by their content, and one record
 * that names them. The record is replaced in one stroke after its parts are there, and parts that no
 * record names are removed after that, so a run that dies at any moment leaves a whole checkpoint.
 * That of an older run stays until then too.
 */
import { isRelearnError, RelearnError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { type CheckpointRecord, encodeCheckpoint } from '../../records/checkpoint.ts';
import { checkpointKey, checkpointPartKey, runFileKey } from '../../records/keys.ts';
import { readVerified } from '../../records/read-verified.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import {
  joinState,
  packTensors,
  separateState,
  unpackTensors,
} from '../../training/checkpoint-parts.ts';
import type { Checkpoints } from '../../training/training-state.ts';
import type { Components } from '../components.ts';
import { readCheckpoint, removeCheckpoints } from './left-checkpoints.ts';

type Place = Pick<Components, 'store' | 'clock'>;

const partBytes = 64 * 1024 ** 2;

const hint = 'Train again without --resume; nothing but the time is lost.';

const removeParts = async (store: ObjectStore, runId: string, kept: readonly { key: string }[]) => {
  const named = new Set(kept.map(({ key }) => key));
  for await (const { key } of store.list(runFileKey(runId, 'checkpoint/'))) {
    if (!named.has(key)) await store.delete(key);
  }
};

/** @param fingerprint what the run is started with; a checkpoint of another one is refused */
export const createRunCheckpoints = (
  { store, clock }: Place,
  runId: string,
  fingerprint: string,
): Checkpoints => ({
  save: async (state) => {
    const { figures, tensors } = separateState(state);
    const parts: CheckpointRecord['parts'] = [];
    for (const part of packTensors(tensors, partBytes)) {
      const hash = sha256(part);
      const key = checkpointPartKey(runId, hash);
      await store.put(key, part);
      parts.push({ key, sha256: hash });
    }
    const record: CheckpointRecord = {
      formatVersion: 1,
      savedAt: new Date(clock.now()).toISOString(),
      fingerprint,
      figures,
      tensors: tensors.map(([name, { length }]) => ({ name, length })),
      parts,
    };
    await store.put(checkpointKey(runId), encodeCheckpoint(record));
    await removeParts(store, runId, parts);
    // Never a younger one's: a training that was asleep may come late.
    await removeCheckpoints(store, (other) => other < runId);
  },

  last: async () => {
    const record = await readCheckpoint(store, runId);
    if (!record) return undefined;
    if (record.fingerprint !== fingerprint) {
      throw new RelearnError(
        'conflict',
        'resume_mismatch',
        'The interrupted training was started with other pictures or settings than there are now.',
        { hint },
      );
    }
    async function* parts() {
      for (const part of record?.parts ?? []) yield await readVerified(store, part);
    }
    try {
      const tensors = await unpackTensors(record.tensors, parts());
      return joinState({ figures: record.figures, tensors });
    } catch (cause) {
      if (!(cause instanceof RangeError) && !isRelearnError(cause)) throw cause;
      if (isRelearnError(cause) && cause.kind !== 'corrupt') throw cause;
      throw new RelearnError(
        'corrupt',
        'damaged_checkpoint',
        `The checkpoint of the run ${runId} is damaged: ${cause.message}`,
        { hint, cause },
      );
    }
  },
});

/** Says of each checkpoint that it is there, and so what a kill costs from then on. */
export const announceCheckpoints = (
  checkpoints: Checkpoints,
  onLine: (line: string) => void,
): Checkpoints => ({
  ...checkpoints,
  save: async (state) => {
    await checkpoints.save(state);
    onLine(
      `checkpoint after step ${state.session.step}: a training that is killed goes on from here (relearn train --resume)`,
    );
  },
});
