import { beforeEach, describe, expect, test } from 'vitest';
import { createTestClock } from '../../../test/loop-store.ts';
import { sha256 } from '../../base/hash.ts';
import { createMemoryStore } from '../../storage/memory.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { TrainingState } from '../../training/training-state.ts';
import { describeCheckpoint, removeCheckpoints } from './left-checkpoints.ts';
import { announceCheckpoints, createRunCheckpoints } from './run-checkpoints.ts';

const clock = createTestClock();
const fingerprint = sha256(Buffer.from('manifest'));

const stateAt = (step: number): TrainingState => ({
  session: { step, tensors: new Map([['w', Float32Array.of(step, 2, 3)]]) },
  average: { updates: step, weights: new Map([['w', Float32Array.of(step / 2, 1, 1)]]) },
  best: new Map([['w', Float32Array.of(0, 0, 0)]]),
  curve: [],
  stopping: { bestAccuracy: 0.5, lowestLoss: 0.7, roundsLeft: 5 },
  meter: { steps: 0, pictures: 0, lossSum: 0, right: 0, nearlyRight: 0 },
  rateFactor: 1,
  start: 'scratch',
  race: null,
  seconds: step,
  trainingSeconds: step,
});

let store: ObjectStore;

beforeEach(() => {
  store = createMemoryStore({ now: clock.now });
});

const keys = async () => {
  const found: string[] = [];
  for await (const { key } of store.list('runs/')) found.push(key);
  return found;
};

const open = (runId = 'r1', print = fingerprint) =>
  createRunCheckpoints({ store, clock }, runId, print);

describe('the checkpoint of a run', () => {
  test('is the last one saved; the one before it is gone', async () => {
    expect(await open().last()).toBeUndefined();
    await open().save(stateAt(1));
    await open().save(stateAt(2));
    expect(await open().last()).toEqual(stateAt(2));
    expect(await describeCheckpoint(store, 'r1')).toMatchObject({ step: 2, rounds: 0 });
    expect(await keys()).toEqual([
      expect.stringContaining('runs/r1/checkpoint.json'),
      expect.stringMatching(/^runs\/r1\/checkpoint\/[0-9a-f]{64}$/),
    ]);
  });

  test('is announced once it is there, and not where it could not be written', async () => {
    const lines: string[] = [];
    const run = announceCheckpoints(open(), (line) => lines.push(line));
    await run.save(stateAt(7));
    expect(await run.last()).toEqual(stateAt(7));
    expect(lines).toEqual([expect.stringMatching(/^checkpoint after step 7: .*--resume/)]);
    const failing = announceCheckpoints(
      { ...open(), save: () => Promise.reject(new Error('full')) },
      (line) => lines.push(line),
    );
    await expect(failing.save(stateAt(8))).rejects.toThrow('full');
    expect(lines).toHaveLength(1);
  });

  test.each([1, 2, 3])('is whole after a death at call %d of a save', async (last) => {
    await open().save(stateAt(1));
    let calls = 0;
    const step = <T>(call: () => Promise<T>): Promise<T> =>
      ++calls > last ? Promise.reject(new Error('dead')) : call();
    const dying: ObjectStore = {
      ...store,
      put: (key, bytes) => step(() => store.put(key, bytes)),
      delete: (key) => step(() => store.delete(key)),
    };
    await createRunCheckpoints({ store: dying, clock }, 'r1', fingerprint)
      .save(stateAt(2))
      .catch(() => {});
    expect(await open().last()).toEqual(stateAt(last >= 2 ? 2 : 1));
  });

  test('of other settings is refused by name', async () => {
    await open().save(stateAt(1));
    const other = open('r1', sha256(Buffer.from('other')));
    await expect(other.last()).rejects.toMatchObject({ code: 'resume_mismatch' });
  });

  test('with a flipped bit is refused by name', async () => {
    await open().save(stateAt(1));
    const [, part = ''] = await keys();
    const bytes = (await store.get(part))?.slice() ?? new Uint8Array();
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    await store.put(part, bytes);
    await expect(open().last()).rejects.toMatchObject({
      kind: 'corrupt',
      code: 'damaged_checkpoint',
      hint: expect.stringContaining('without --resume'),
    });
  });

  test('goes once a younger run has one, and not because of an older', async () => {
    await open('r1').save(stateAt(1));
    await open('r2').save(stateAt(1));
    expect(await open('r1').last()).toBeUndefined();
    await open('r1').save(stateAt(3));
    expect(await open('r2').last()).toEqual(stateAt(1));
    await removeCheckpoints(store, (runId) => runId === 'r1');
    expect(await open('r1').last()).toBeUndefined();
    await removeCheckpoints(store, () => true);
    expect(await keys()).toEqual([]);
  });
});
