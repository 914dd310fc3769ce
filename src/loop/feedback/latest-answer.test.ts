/** People who come back to an earlier answer, through the doors by which feedback comes. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { greyJpeg } from '../../../test/grey-jpeg.ts';
import { createTestStore, openTestRelearn, type TestStore } from '../../../test/loop-store.ts';
import { sha256 } from '../../base/hash.ts';
import { frameTfRecord } from '../../formats/tfrecord.ts';
import { encodeImportManifest } from '../../records/import-manifest.ts';
import {
  archiveKey,
  feedbackKey,
  importManifestKey,
  renewalsPrefix,
  shardKey,
} from '../../records/keys.ts';
import { registerImport } from '../../registry/model-registry.ts';
import { openRegistryLog } from '../../registry/registry-log.ts';
import { createMemoryStore } from '../../storage/memory.ts';
import type { Relearn } from '../relearn-api.ts';
import { initStore } from '../store/init-store.ts';
import { loadTrainingPictures } from '../training/load-training-pictures.ts';
import { latestAnswer } from './latest-answer.ts';

const picture = await greyJpeg(0);
const other = await greyJpeg(99);
const hash = sha256(picture);

let place: TestStore;
let relearn: Relearn;
beforeEach(async () => {
  place = await createTestStore();
  relearn = await openTestRelearn(place, { keepPredictions: true });
});
afterEach(() => relearn.close());

const say = async (target: string, shown = picture) => {
  place.clock.advance(1000);
  const { status } = await relearn.collectFeedback({ picture: shown, target, source: 'test' });
  return status;
};

/** What a training of all answers would learn that the picture shows. */
const learnt = async () => {
  const { settings } = relearn;
  const feedback = settings.labelIds.map((labelId) => ({
    key: feedbackKey(labelId, hash),
    labelId,
    sha256: hash,
  }));
  const site = { ...place, settings, epoch: 1, failures: 0, log: () => {} };
  const { train } = await loadTrainingPictures(site, { base: [], replay: [], feedback });
  return train.map(({ label }) => settings.labels[label]);
};

const renewals = async () => {
  const keys: string[] = [];
  for await (const { key } of place.store.list(renewalsPrefix(hash))) keys.push(key);
  return keys;
};

test('the answer that people come back to is the latest one', async () => {
  expect(await say('cat')).toBe('accepted');
  expect(await say('dog')).toBe('accepted');
  expect(await learnt()).toEqual(['dog']);
  expect(await say('cat')).toBe('accepted');
  expect(await learnt()).toEqual(['cat']);
  expect(await latestAnswer({ ...place, settings: relearn.settings }, hash)).toBe('cat');
  expect(await say('dog')).toBe('accepted');
  expect(await learnt()).toEqual(['dog']);
});

test('the same answer twice in a row is one', async () => {
  for (const target of ['cat', 'dog', 'cat', 'dog']) {
    expect(await say(target)).toBe('accepted');
    const before = await renewals();
    for (let again = 0; again < 3; again++) expect(await say(target)).toBe('duplicate');
    expect(await renewals()).toEqual(before);
    expect(await learnt()).toEqual([target]);
  }
  expect(await renewals()).toHaveLength(2);
});

test('coming back adds nothing to what the threshold counts', async () => {
  for (const target of ['cat', 'dog']) await say(target);
  const { pending } = await relearn.status();
  expect(pending).toEqual({ cat: 1, dog: 1 });
  for (const target of ['cat', 'dog', 'cat']) await say(target);
  expect((await relearn.status()).pending).toEqual(pending);
});

test('answers that a version has learnt from count as well', async () => {
  await say('cat');
  await say('dog', other);
  await relearn.train();
  expect(await place.store.head(archiveKey('cat', hash))).toBeDefined();
  await say('dog');
  expect(await learnt()).toEqual(['dog']);
  expect(await say('cat')).toBe('accepted');
  expect(await learnt()).toEqual(['cat']);
  expect(await say('cat')).toBe('duplicate');
});

test('an answer by prediction comes back in the same way', async () => {
  await relearn.train();
  const { predictionId } = await relearn.predict(picture);
  const judge = async (target: string) => {
    place.clock.advance(1000);
    return (await relearn.collectFeedback({ predictionId, target, source: 'test' })).status;
  };
  expect([await judge('cat'), await judge('dog'), await judge('cat'), await judge('cat')]).toEqual([
    'accepted',
    'accepted',
    'accepted',
    'duplicate',
  ]);
  expect(await learnt()).toEqual(['cat']);
});

/** The picture becomes a cat of the base pictures, in this part. */
const importAsCat = async (split: 'train' | 'validation' | 'holdout') => {
  const record = frameTfRecord(new Uint8Array());
  const shard = shardKey('more', split, 0);
  await place.store.put(shard, record);
  const key = importManifestKey('more');
  const row = { sha256: hash, label: 'cat', split, shard, offset: 0 } as const;
  const bytes = encodeImportManifest({
    formatVersion: 1,
    importId: 'more',
    createdAt: new Date(place.clock.now()).toISOString(),
    rows: [{ ...row, length: record.length }],
  });
  await place.store.put(key, bytes);
  await registerImport(openRegistryLog(place.store, place), { key, sha256: sha256(bytes) });
};

test('a correction of a base picture can be taken back', async () => {
  await importAsCat('train');
  expect(await say('cat')).toBe('duplicate');
  expect(await say('dog')).toBe('accepted');
  expect(await learnt()).toEqual(['dog']);
  expect(await say('cat')).toBe('accepted');
  expect(await learnt()).toEqual(['cat']);
  expect(await say('cat')).toBe('duplicate');
});

test.each(['validation', 'holdout'] as const)(
  'a picture of the %s part is never learnt, whatever people say of it',
  async (split) => {
    await importAsCat(split);
    for (const target of ['cat', 'dog']) expect(await say(target)).toBe('duplicate');
    expect(await learnt()).toEqual([]);
    expect((await relearn.status()).pending).toEqual({ cat: 0, dog: 0 });
  },
);

test('an exported data set holds the answer that was come back to', async () => {
  const { clock, newId } = place;
  const store = createMemoryStore();
  await initStore({ store, clock, newId, labels: ['cat', 'dog'] });
  const without = await openTestRelearn({ ...place, store });
  const folder = await mkdtemp(join(tmpdir(), 'relearn-latest-'));
  try {
    for (const target of ['cat', 'dog', 'cat']) {
      clock.advance(1000);
      await without.collectFeedback({ picture, target, source: 'test' });
    }
    const { files } = await without.exportDataset(folder, { format: 'webdataset' });
    const shard = await readFile(files[0] ?? '', 'latin1');
    expect(shard).toContain(`${hash}-cat.`);
    expect(shard).not.toContain(`${hash}-dog.`);
  } finally {
    await without.close();
    await rm(folder, { recursive: true });
  }
});

test('a damaged answer counts for nothing', async () => {
  await say('cat');
  await say('dog');
  await place.store.put(feedbackKey('dog', hash), Buffer.from('RLRNITEM damaged'));
  expect(await say('cat')).toBe('duplicate');
});
