import { beforeEach, expect, it } from 'vitest';
import {
  at,
  openProcess,
  putCandidate,
  putItem,
  putManifest,
} from '../../test/contracts/registry-fixtures.ts';
import { sha256 } from '../base/hash.ts';
import { encodeImportManifest } from '../records/import-manifest.ts';
import {
  importManifestKey,
  logSlotKey,
  quarantineKey,
  quarantineNoteKey,
  shardKey,
} from '../records/keys.ts';
import { encodeQuarantineNote } from '../records/quarantine-note.ts';
import type { FeedbackRow } from '../records/training-manifest.ts';
import { createMemoryStore } from '../storage/memory.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { checkInvariants } from './invariants.ts';
import { openLeaseDesk } from './lease.ts';
import { claimManifest, registerCandidate, registerImport } from './model-registry.ts';

let store: ObjectStore;
let trainer: ReturnType<typeof openProcess>;
let items: FeedbackRow[];

const train = async (runId: string, feedback: readonly FeedbackRow[]) => {
  const { lease } = await openLeaseDesk(trainer).tryAcquire();
  if (!lease) throw new Error('the lease is held');
  const parent = trainer.log.state.champion;
  const manifest = await putManifest(store, runId, feedback, parent);
  await claimManifest(trainer.log, lease, manifest);
  const verdict = parent === null ? 'first' : 'promote';
  const candidate = await putCandidate(store, runId, manifest, verdict, parent);
  await registerCandidate(trainer.log, lease, candidate);
  await openLeaseDesk(trainer).release(lease, 'done');
  return candidate;
};

const shard = shardKey('i1', 'train', 0);
beforeEach(async () => {
  store = createMemoryStore({ now: () => 1000 });
  trainer = openProcess(store, 'trainer');
  await store.put(shard, new Uint8Array(100));
  const row = { sha256: 'a'.repeat(64), label: 'cat', split: 'train', shard } as const;
  const manifest = encodeImportManifest({
    formatVersion: 1,
    importId: 'i1',
    createdAt: at,
    rows: [{ ...row, offset: 20, length: 80 }],
  });
  const key = importManifestKey('i1');
  await store.put(key, manifest);
  await registerImport(trainer.log, { key, sha256: sha256(manifest) });
  items = [await putItem(store, 'cat', 'a'), await putItem(store, 'dog', 'b')];
});

const problems = async (now = 1000) =>
  (await checkInvariants(store, openProcess(store, 'fsck').log, { now, orphanAge: 500 })).map(
    ({ invariant, key }) => [invariant, key],
  );

it('finds nothing wrong with a healthy store', async () => {
  await train('one', items);
  expect(await problems(1e9)).toEqual([]);
});

it('finds an item of which nothing is left', async () => {
  const [cat] = items as [FeedbackRow, FeedbackRow];
  await store.put(cat.key, new Uint8Array());
  expect(await problems()).toEqual([['I1', cat.key]]);
});

it('finds a damaged item, and one that is gone', async () => {
  await train('one', items);
  const [cat, dog] = items as [FeedbackRow, FeedbackRow];
  const bytes = (await store.get(cat.key)) ?? new Uint8Array();
  await store.put(cat.key, bytes.subarray(0, bytes.length - 1));
  await store.delete(dog.key);
  expect(await problems()).toEqual([
    ['I1', cat.key],
    ['I1', dog.key],
  ]);
});

it('finds an item under a wrong name', async () => {
  const [cat, dog] = items as [FeedbackRow, FeedbackRow];
  await store.put(cat.key, (await store.get(dog.key)) ?? new Uint8Array());
  expect(await problems()).toEqual([['I1', cat.key]]);
});

it('finds an item that is new to two versions of one lineage', async () => {
  await train('one', items);
  await train('two', items.slice(0, 1));
  expect(await problems()).toEqual([['I2', items[0]?.key]]);
});

it.each([
  ['damaged', async (key: string) => store.put(key, Buffer.from('{'))],
  ['missing', async (key: string) => store.delete(key)],
])('finds a %s log entry, and blames nothing behind it', async (_, harm) => {
  await train('one', items);
  await harm(logSlotKey(2));
  expect(await problems(1e9)).toEqual([['I3', logSlotKey(2)]]);
});

it('knows an item that was set aside after a training had claimed it, as long as it is there', async () => {
  await train('one', items);
  const { key } = items[0] ?? { key: '' };
  const bytes = (await store.get(key)) ?? new Uint8Array();
  await store.delete(key);
  expect(await problems()).toEqual([['I1', key]]);
  const hash = sha256(bytes);
  const name = quarantineKey(key, hash, 1);
  const note = { formatVersion: 1, key, reason: 'test', at, failures: 0, sha256: hash } as const;
  await store.put(quarantineNoteKey(name), encodeQuarantineNote({ ...note, returnKey: key }));
  expect(await problems()).toEqual([['I1', key]]);
  await store.put(name, bytes);
  expect(await problems()).toEqual([]);
  await store.put(quarantineNoteKey(name), Buffer.from('{'));
  expect(await problems()).toEqual([
    ['I1', name],
    ['I1', key],
  ]);
});

it('finds a slot beyond the end', async () => {
  await trainer.log.read();
  await openProcess(store, 'x').log.read();
  const check = checkInvariants(store, trainer.log, { now: 1000 });
  await store.put(logSlotKey(9), Buffer.from('x'));
  expect(await check).toMatchObject([{ invariant: 'I3', key: logSlotKey(9) }]);
});

it('finds a model, a card, a manifest and a shard that are not what was registered', async () => {
  const { model, card, manifest } = await train('one', items);
  await store.put(model.key, Buffer.from('other'));
  await store.delete(card.key);
  await store.put(manifest?.key ?? '', Buffer.from('{}'));
  await store.put(shard, new Uint8Array(99));
  expect((await problems()).sort()).toEqual(
    [
      ['I4', model.key],
      ['I4', card.key],
      ['I4', manifest?.key],
      ['I4', shard],
    ].sort(),
  );
});

it('finds what nothing names, once it is old', async () => {
  await store.put('models/abc/model.onnx', Buffer.from('left behind'));
  await store.put('probe/x', Buffer.from('left behind'));
  expect(await problems(1500)).toEqual([]);
  expect(await problems(1501)).toEqual([
    ['I9', 'models/abc/model.onnx'],
    ['I9', 'probe/x'],
  ]);
});
