import { expect, test } from 'vitest';
import { RelearnError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import { createRandom } from '../base/random.ts';
import { readTfRecords } from '../formats/tfrecord.ts';
import { createMemoryStore } from '../storage/memory.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { decodeImage, encodePng } from './decode-image.ts';
import { type ImportPicturesOptions, importPictures } from './import-pictures.ts';
import { createShardWriter, readShardPictures } from './shards.ts';
import type { SourceItem } from './source-picture.ts';
import { splitOf } from './split.ts';

const pictureOf = (seed: number) => {
  const random = createRandom(seed);
  const data = Uint8Array.from({ length: 20 * 15 * 3 }, () => random.integer(256));
  return encodePng({ width: 20, height: 15, channels: 3, data });
};
const pictures = await Promise.all(Array.from({ length: 30 }, (_, seed) => pictureOf(seed)));

const itemOf = (bytes: Uint8Array, index: number): SourceItem => ({
  path: `folder/${index % 3 ? 'cat' : 'dog'}.${index}.png`,
  label: index % 3 ? 'cat' : 'dog',
  id: index,
  // Later pictures arrive first, so that order can't come about by chance.
  read: () => new Promise((resolve) => setTimeout(resolve, (30 - index) % 7, bytes)),
});
const labels = ['cat', 'dog'];

const run = async (items: readonly SourceItem[], changes: Partial<ImportPicturesOptions> = {}) => {
  const store = createMemoryStore();
  const result = await importPictures({
    source: (async function* () {
      yield* items;
    })(),
    store,
    shardKey: (split, number) => `base/i/${split}-${number}.tfrecord`,
    resolveLabel: (name) => {
      const index = labels.indexOf(name);
      return index < 0 ? undefined : { index, label: name, id: `${name}-id` };
    },
    isDuplicate: () => false,
    knownLabel: async () => undefined,
    splitFor: (hash) => splitOf(hash, { holdout: 0.3, validation: 0.2 }),
    ...changes,
  });
  return { store, ...result };
};

const keysOf = async (store: ObjectStore) => {
  const keys = [];
  for await (const { key } of store.list('')) keys.push(key);
  return keys;
};

test('rows stand in the order of the source, whatever the concurrency', async () => {
  const one = await run(pictures.map(itemOf), { concurrency: 1 });
  const many = await run(pictures.map(itemOf), { concurrency: 8 });
  expect(many.rows).toEqual(one.rows);
  expect(one.rows.map((row) => row.sha256)).toEqual(pictures.map(sha256));
  for (const key of await keysOf(one.store)) {
    expect(await many.store.get(key)).toEqual(await one.store.get(key));
  }
});

test('each split has its own shards, and rows find their pictures in them', async () => {
  const { rows, store } = await run(pictures.map(itemOf));
  expect(new Set(rows.map(({ split }) => split))).toEqual(
    new Set(['train', 'validation', 'holdout']),
  );
  let read = 0;
  for await (const { row, bytes } of readShardPictures(store, rows)) {
    expect(row.shard).toContain(row.split);
    expect(row.label).toBe(rows.indexOf(row) % 3 ? 'cat-id' : 'dog-id');
    expect(await decodeImage(bytes)).toMatchObject({ width: 20, height: 15 });
    read++;
  }
  expect(read).toBe(30);
});

test('a shard is a plain TFRecord file', async () => {
  const { rows, store } = await run(pictures.map(itemOf));
  for (const key of await keysOf(store)) {
    const places = [];
    for await (const { offset, length } of readTfRecords([(await store.get(key)) as Uint8Array])) {
      places.push({ offset, length });
    }
    const expected = rows.filter(({ shard }) => shard === key);
    expect(places).toEqual(expected.map(({ offset, length }) => ({ offset, length })));
  }
});

test('duplicates inside the source and of what is known are counted, not stored', async () => {
  const items = [...pictures.slice(0, 5), ...pictures.slice(0, 5)].map(itemOf);
  const known = sha256(pictures[2] as Uint8Array);
  const { rows, duplicates } = await run(items, { isDuplicate: (hash) => hash === known });
  expect(rows).toHaveLength(4);
  expect(duplicates).toBe(6);
});

test('a picture that comes under another label than before is named', async () => {
  const [known = new Uint8Array(), fresh = new Uint8Array()] = pictures;
  const as = (label: string, bytes: Uint8Array): SourceItem => ({
    path: `${label}/${bytes === known ? 'known' : 'fresh'}.png`,
    label,
    id: 0,
    read: async () => bytes,
  });
  const items = [as('dog', known), as('cat', known), as('cat', fresh), as('dog', fresh)];
  const { rows, duplicates, relabelled } = await run(items, {
    isDuplicate: (hash) => hash === sha256(known),
    knownLabel: async (hash) => (hash === sha256(known) ? 'cat-id' : undefined),
  });
  expect(rows).toMatchObject([{ sha256: sha256(fresh), label: 'cat-id' }]);
  expect(duplicates).toBe(3);
  expect(relabelled).toEqual([
    { path: 'dog/known.png', sha256: sha256(known), labelId: 'dog-id', knownAs: 'cat-id' },
    { path: 'dog/fresh.png', sha256: sha256(fresh), labelId: 'dog-id', knownAs: 'cat-id' },
  ]);
});

test('what can not be used is reported with its reason, in order', async () => {
  const unreadable = () =>
    Promise.reject(new RelearnError('invalid', 'picture_unreadable', 'gone'));
  const { rows, rejected } = await run([
    { path: 'row 3', rejected: 'the row has no label' },
    { path: 'a.jpg', label: 'bird', read: async () => pictures[0] as Uint8Array },
    itemOf(Buffer.from('GIF89a'), 4),
    itemOf(pictures[1] as Uint8Array, 1),
    { path: 'b.jpg', label: 'cat', read: unreadable },
  ]);
  expect(rows).toHaveLength(1);
  expect(rejected).toEqual([
    { path: 'row 3', reason: 'the row has no label' },
    { path: 'a.jpg', reason: 'unknown_label' },
    { path: 'folder/cat.4.png', reason: 'unsupported_image' },
    { path: 'b.jpg', reason: 'picture_unreadable' },
  ]);
});

test('progress counts every item; an abort stops before the next', async () => {
  const progress: number[] = [];
  await run(pictures.slice(0, 4).map(itemOf), { onProgress: (done) => progress.push(done) });
  expect(progress).toEqual([1, 2, 3, 4]);
  const controller = new AbortController();
  const onProgress = (done: number) => done === 3 && controller.abort(new Error('stopped'));
  const aborted = run(pictures.map(itemOf), { signal: controller.signal, onProgress });
  await expect(aborted).rejects.toThrow('stopped');
});

test('a storage failure stops the import instead of rejecting pictures', async () => {
  const full = new RelearnError('unavailable', 'storage_full', 'The disk is full.');
  const store = { ...createMemoryStore(), putIfAbsent: () => Promise.reject(full) };
  await expect(run(pictures.map(itemOf), { store })).rejects.toBe(full);
});

test('shards end before their limit, and one larger record has its own', async () => {
  const store = createMemoryStore();
  const writer = createShardWriter(store, (number) => `base/s-${number}`, 100);
  const places = [];
  for (const size of [30, 30, 30, 200, 10]) places.push(await writer.add(new Uint8Array(size)));
  await writer.close();
  expect(places.map(({ shard }) => shard)).toEqual([0, 0, 1, 2, 3].map((n) => `base/s-${n}`));
  expect(places.map(({ offset }) => offset)).toEqual([0, 46, 0, 0, 0]);
  expect((await store.head('base/s-2'))?.size).toBe(216);
});

test('a shard is never overwritten', async () => {
  const store = createMemoryStore();
  await store.put('base/s-0', Buffer.from('other'));
  const writer = createShardWriter(store, (number) => `base/s-${number}`);
  await writer.add(new Uint8Array(3));
  await expect(writer.close()).rejects.toMatchObject({ kind: 'conflict', code: 'shard_exists' });
});

test('missing and damaged shards are named', async () => {
  const { rows, store } = await run(pictures.slice(0, 3).map(itemOf), { splitFor: () => 'train' });
  const drain = async () => {
    for await (const _ of readShardPictures(store, rows));
  };
  const key = rows[0]?.shard as string;
  const bytes = (await store.get(key)) as Uint8Array;
  const damaged = Buffer.from(bytes);
  damaged[60] = (damaged[60] as number) ^ 1;
  await store.put(key, damaged);
  await expect(drain()).rejects.toMatchObject({ kind: 'corrupt', code: 'corrupt_record' });
  await store.put(key, bytes.subarray(0, 50));
  await expect(drain()).rejects.toMatchObject({ code: 'truncated_record' });
  await store.delete(key);
  await expect(drain()).rejects.toMatchObject({ code: 'shard_missing' });
});
