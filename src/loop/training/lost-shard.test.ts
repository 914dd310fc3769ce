/** A shard of the base data that is lost or damaged: what tells of it, and what brings it back. */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createTestTrainer, openTestClassifier } from '../../../test/loop-store.ts';
import { encodeJpeg } from '../../data/decode-image.ts';
import { openRegistryLog } from '../../registry/registry-log.ts';
import { createMemoryStore } from '../../storage/memory.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { createRelearn, initStore } from '../relearn.ts';
import type { Relearn } from '../relearn-api.ts';
import { readBasePictures, readBaseRows } from './load-training-pictures.ts';

const clock = { now: () => 1_700_000_000_000, monotonic: () => 0, sleep: async () => {} };
let pictures: string;
let store: ObjectStore;
let relearn: Relearn;

beforeAll(async () => {
  pictures = await mkdtemp(join(tmpdir(), 'relearn-lost-shard-'));
  for (let n = 0; n < 40; n++) {
    const folder = join(pictures, n % 2 === 0 ? 'cat' : 'dog');
    const data = new Uint8Array(8 * 8 * 3).fill(6 * n);
    await mkdir(folder, { recursive: true });
    await writeFile(
      join(folder, `${n}.jpg`),
      await encodeJpeg({ width: 8, height: 8, channels: 3, data }),
    );
  }
});
afterAll(() => rm(pictures, { recursive: true }));

const open = () =>
  createRelearn({
    store,
    clock,
    trainer: createTestTrainer(store, clock),
    openClassifier: openTestClassifier,
  });

beforeEach(async () => {
  store = createMemoryStore();
  await initStore({ store, labels: ['cat', 'dog'], holdout: 0.3, validation: 0.1 });
  relearn = await open();
  await relearn.importPictures([pictures]);
});

const shardOf = async (split: string): Promise<string> => {
  for await (const { key } of store.list('base/')) if (key.includes(`/${split}-`)) return key;
  throw new Error(`there is no shard of ${split}`);
};

/** What a training reads of each part. */
const readParts = async () => {
  const { imports } = await openRegistryLog(store, { clock, newId: randomUUID }).read();
  const { settings } = relearn;
  const rows = await readBaseRows(store, imports);
  const parts = await readBasePictures({ store, settings }, rows);
  return Object.fromEntries(Object.entries(parts).map(([part, found]) => [part, found.length]));
};

const harms: Readonly<Record<string, (key: string, bytes: Uint8Array) => Promise<unknown>>> = {
  'is missing': (key) => store.delete(key),
  'has 9 of at least': (key, bytes) => store.put(key, bytes.subarray(0, 9)),
};

it.each(
  Object.entries(harms).flatMap(([what, harm]) =>
    ['train', 'validation', 'holdout'].map((split) => [split, what, harm] as const),
  ),
)(
  'a shard of %s that %s comes back by importing the same pictures again',
  async (split, what, harm) => {
    const before = await readParts();
    const key = await shardOf(split);
    await harm(key, (await store.get(key)) ?? new Uint8Array());
    expect(await relearn.check()).toMatchObject({
      ok: false,
      problems: [{ invariant: 'I4', key, message: expect.stringContaining(what) }],
    });
    await expect(readParts()).rejects.toMatchObject({ kind: 'corrupt' });

    // With another role too: what was held back stays held back.
    const report = await (await open()).importPictures([pictures], { role: 'holdout' });
    expect(report).toMatchObject({
      imported: before[split],
      duplicates: 40 - (before[split] ?? 0),
    });
    expect(await relearn.check()).toMatchObject({ ok: true, problems: [] });
    expect(await readParts()).toEqual(before);
    expect((await relearn.status()).base).toEqual({ cat: 20, dog: 20 });
    // Now there is nothing to bring back.
    expect(await (await open()).importPictures([pictures])).toMatchObject({ imported: 0 });
  },
);

it('a damaged shard is found by its checksums, and comes back once it is removed', async () => {
  const before = await readParts();
  const key = await shardOf('train');
  const bytes = (await store.get(key)) ?? new Uint8Array();
  await store.put(key, bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1));
  expect((await relearn.check()).problems).toMatchObject([{ invariant: 'I4', key }]);
  await store.delete(key);
  await (await open()).importPictures([pictures]);
  expect((await relearn.check()).problems).toEqual([]);
  expect(await readParts()).toEqual(before);
});
