import { beforeEach, expect, it } from 'vitest';
import {
  openProcess,
  putCandidate,
  putItem,
  putManifest,
} from '../../test/contracts/registry-fixtures.ts';
import { createSettings } from '../records/create-settings.ts';
import { archiveKey } from '../records/keys.ts';
import type { Verdict } from '../records/reports.ts';
import type { FeedbackRow } from '../records/training-manifest.ts';
import { createMemoryStore } from '../storage/memory.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { createManifestReader, pendingFeedback, untrainedFeedback } from './feedback-index.ts';
import { checkInvariants } from './invariants.ts';
import { openLeaseDesk } from './lease.ts';
import { claimManifest, registerCandidate, rollbackChampion } from './model-registry.ts';

const settings = createSettings({ labels: ['cat', 'dog'], threshold: 2 });
let store: ObjectStore;
let trainer: ReturnType<typeof openProcess>;
beforeEach(() => {
  store = createMemoryStore();
  trainer = openProcess(store, 'trainer');
});

const query = () => ({
  store,
  state: trainer.log.state,
  settings,
  readManifest: createManifestReader(store),
});
const pendingCounts = async (stopAt?: number) => {
  const pending = await pendingFeedback(query(), stopAt === undefined ? {} : { stopAt });
  return Object.fromEntries(pending.items);
};
const untrainedKeys = async () => (await untrainedFeedback(query())).map(({ key }) => key).sort();
const keysOf = (rows: readonly FeedbackRow[]) => rows.map(({ key }) => key).sort();

const begin = async (runId: string, rows: readonly FeedbackRow[]) => {
  const { lease } = await openLeaseDesk(trainer).tryAcquire();
  if (!lease) throw new Error('the lease is held');
  const parent = trainer.log.state.champion;
  const manifest = await putManifest(store, runId, rows, parent);
  await claimManifest(trainer.log, lease, manifest);
  return {
    end: async (verdict: Verdict | undefined) => {
      if (verdict) {
        const candidate = await putCandidate(store, runId, manifest, verdict, parent);
        await registerCandidate(trainer.log, lease, candidate);
      }
      await openLeaseDesk(trainer).release(lease, 'done');
    },
  };
};

const archive = async ({ key, labelId, sha256 }: FeedbackRow) => {
  await store.putIfAbsent(archiveKey(labelId, sha256), (await store.get(key)) ?? new Uint8Array());
  await store.delete(key);
};

it('counts what lies there, up to where it was told to stop', async () => {
  for (const name of ['a', 'b', 'c']) await putItem(store, 'cat', name);
  expect(await pendingCounts()).toEqual({ cat: 3, dog: 0 });
  expect(await pendingCounts(2)).toEqual({ cat: 2, dog: 0 });
});

it('tells pictures that somebody put there, and counts them under no label', async () => {
  const names = ['Cat/x.jpg', 'cat0', 'dog/My dog.jpg', 'dog/more/x.jpg', 'horse/x.jpg', 'x.jpg'];
  for (const name of names) await store.put(`feedback/${name}`, Buffer.from('picture'));
  await store.put(`feedback/horse/${'a'.repeat(64)}`, Buffer.from('picture'));
  await putItem(store, 'dog', 'a');
  const { items, unread } = await pendingFeedback(query());
  expect(Object.fromEntries(items)).toEqual({ cat: 0, dog: 1 });
  expect(unread).toEqual(
    [...names, `horse/${'a'.repeat(64)}`].map((name) => `feedback/${name}`).sort(),
  );
  expect(await untrainedKeys()).toHaveLength(1);
});

it('looks at a bounded number in each folder of a label, and before, between and behind them', async () => {
  const folders = ['Another', 'cat', 'cow', 'dog', 'horse'];
  for (const folder of folders)
    for (let n = 0; n < 20; n++) await store.put(`feedback/${folder}/${n}.jpg`, Buffer.from('x'));
  let listed = 0;
  const counting: ObjectStore = {
    ...store,
    async *list(...asked) {
      for await (const info of store.list(...asked)) {
        listed++;
        yield info;
      }
    },
  };
  const { unread } = await pendingFeedback({ ...query(), store: counting }, { stopAt: 3 });
  expect(unread).toHaveLength(3 + 3 + 3 * 2 * 3);
  expect(listed).toBe(unread.length);
});

it('does not count items of a running training, but those that come meanwhile', async () => {
  const row = await putItem(store, 'cat', 'a');
  await begin('run', [row]);
  const late = await putItem(store, 'cat', 'late');
  expect(await pendingCounts()).toEqual({ cat: 1, dog: 0 });
  expect(await untrainedKeys()).toEqual(keysOf([row, late]));
});

it('counts items again whose training ended without a version', async () => {
  const row = await putItem(store, 'cat', 'a');
  await (await begin('run', [row])).end(undefined);
  expect(await pendingCounts()).toEqual({ cat: 1, dog: 0 });
});

it('keeps items of a rejected candidate for the next training and counts them no more', async () => {
  const first = await putItem(store, 'cat', 'a');
  await (await begin('one', [first])).end('first');
  const row = await putItem(store, 'cat', 'b');
  await (await begin('two', [row])).end('reject');
  expect(await pendingCounts()).toEqual({ cat: 0, dog: 0 });
  expect(await untrainedKeys()).toEqual([row.key]);
});

it('takes consumed items for trained, archived or not', async () => {
  const rows = [await putItem(store, 'cat', 'a'), await putItem(store, 'dog', 'b')];
  await (await begin('one', rows)).end('first');
  for (const row of rows) {
    expect(await pendingCounts()).toEqual({ cat: 0, dog: 0 });
    expect(await untrainedKeys()).toEqual([]);
    await archive(row);
  }
  expect(await untrainedKeys()).toEqual([]);
  expect(await checkInvariants(store, trainer.log, { now: 0 })).toEqual([]);
});

it('makes items of versions left behind untrained again, without counting them', async () => {
  const [first, second] = [await putItem(store, 'cat', 'a'), await putItem(store, 'cat', 'b')];
  await (await begin('one', [first])).end('first');
  await (await begin('two', [second])).end('promote');
  await archive(second);
  expect(await untrainedKeys()).toEqual([]);
  await rollbackChampion(trainer.log);
  expect(await untrainedKeys()).toEqual([archiveKey('cat', second.sha256)]);
  expect(await pendingCounts()).toEqual({ cat: 0, dog: 0 });
});

it('takes an item that lies in both places for one', async () => {
  const row = await putItem(store, 'cat', 'a');
  await store.put(archiveKey('cat', row.sha256), (await store.get(row.key)) ?? new Uint8Array());
  expect(await untrainedKeys()).toEqual([row.key]);
});

it('takes one picture under two labels for two items', async () => {
  await putItem(store, 'cat', 'same');
  await putItem(store, 'dog', 'same');
  expect(await untrainedKeys()).toHaveLength(2);
});

it('reads a manifest once and refuses a changed one', async () => {
  const ref = await putManifest(store, 'run', []);
  let gets = 0;
  const counting: ObjectStore = {
    ...store,
    get: (key) => {
      gets++;
      return store.get(key);
    },
  };
  const read = createManifestReader(counting);
  await Promise.all([read(ref), read(ref)]);
  expect(gets).toBe(1);
  await store.put(ref.key, Buffer.from('{}'));
  await expect(createManifestReader(store)(ref)).rejects.toMatchObject({ code: 'hash_mismatch' });
});
