/**
 * Pictures that somebody puts under `feedback/` by hand: whatever decodes is learnt, whatever does
 * not is set aside, and neither counts toward the threshold before it was looked at.
 */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startBucketServer } from '../../../test/bucket-server/bucket-server.ts';
import { s3Rules } from '../../../test/bucket-server/s3-rules.ts';
import { greyJpeg } from '../../../test/grey-jpeg.ts';
import {
  createTestStore,
  createTestTrainer,
  openTestRelearn,
  type TestStore,
} from '../../../test/loop-store.ts';
import { sha256 } from '../../base/hash.ts';
import { createSettings } from '../../records/create-settings.ts';
import { encodeFeedbackItem, isFeedbackItem } from '../../records/feedback-item.ts';
import { encodeImportManifest } from '../../records/import-manifest.ts';
import { encodeJson } from '../../records/json-object.ts';
import {
  importManifestKey,
  quarantineKey,
  quarantineNoteKey,
  settingsKey,
} from '../../records/keys.ts';
import { encodeQuarantineNote } from '../../records/quarantine-note.ts';
import { registerImport } from '../../registry/model-registry.ts';
import { openRegistryLog } from '../../registry/registry-log.ts';
import { openLocalDirectory } from '../../storage/local-directory.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { openStore } from '../../storage/open-store.ts';
import type { Relearn } from '../relearn-api.ts';
import { toFeedbackItem } from '../serving/store-picture.ts';

const pictures = await Promise.all([0, 40, 80, 120, 160, 200].map(greyJpeg));
const picture = (n: number): Uint8Array => pictures[n] ?? new Uint8Array();
const hash = (n: number): string => sha256(picture(n));
const nonsense = Buffer.from('no picture');

let place: TestStore;
let relearn: Relearn;
beforeEach(async () => {
  place = await createTestStore();
  relearn = await openTestRelearn(place);
  await relearn.train();
});
afterEach(() => relearn.close());

const keys = async (prefix: string): Promise<string[]> => {
  const found: string[] = [];
  for await (const { key } of place.store.list(prefix)) found.push(key);
  return found;
};
const setAside = async () =>
  Object.fromEntries(
    (await relearn.quarantine.list()).items.map(({ key, reason }) => [key, reason]),
  );
const belowThreshold = { result: { trained: false, reason: 'below-threshold' } };

describe('a picture whose name is 64 hex digits', () => {
  test('is taken in where they are its own hash', async () => {
    const key = `feedback/cat/${hash(0)}`;
    await place.store.put(key, picture(0));
    await relearn.train();
    expect(await keys('archive/')).toEqual([`archive/cat/${hash(0)}`]);
    expect(await setAside()).toEqual({});
    expect(await keys('feedback/')).toEqual([]);
    expect(await relearn.check()).toMatchObject({ ok: true });
  });

  test('lies there at every moment, as it was or as an item', async () => {
    const key = `feedback/cat/${hash(0)}`;
    await place.store.put(key, picture(0));
    const writes: string[] = [];
    const store: ObjectStore = {
      ...place.store,
      put: (at, bytes) => {
        if (at === key) writes.push(isFeedbackItem(bytes) ? 'item' : 'picture');
        return place.store.put(at, bytes);
      },
      delete: async (at) => {
        if (at === key)
          writes.push((await place.store.head(`archive/cat/${hash(0)}`)) ? 'archived' : 'hole');
        return place.store.delete(at);
      },
    };
    const other = await openTestRelearn({ ...place, store });
    await other.train();
    await other.close();
    expect(writes).toEqual(['item', 'archived']);
  });

  test('is taken in under its own where they are the hash of something else', async () => {
    await place.store.put(`feedback/cat/${hash(1)}`, picture(0));
    await place.store.put(`feedback/dog/${'a'.repeat(64)}`, picture(2));
    await relearn.train();
    expect(await keys('archive/')).toEqual([`archive/cat/${hash(0)}`, `archive/dog/${hash(2)}`]);
    expect(await keys('feedback/')).toEqual([]);
    expect(await setAside()).toEqual({});
  });

  test('waits for the next training where it comes after the look', async () => {
    await place.store.put(`feedback/cat/${hash(1)}`, picture(1));
    const store: ObjectStore = {
      ...place.store,
      async *list(prefix, options) {
        // What is to be learnt from is listed by label.
        if (prefix === 'feedback/cat/' && !(await place.store.head(`archive/cat/${hash(1)}`)))
          await place.store.put(`feedback/cat/${hash(2)}`, picture(0));
        yield* place.store.list(prefix, options);
      },
    };
    const other = await openTestRelearn({ ...place, store });
    await other.train();
    await other.close();
    expect(await keys('archive/')).toEqual([`archive/cat/${hash(1)}`]);
    expect(await place.store.get(`feedback/cat/${hash(2)}`)).toEqual(new Uint8Array(picture(0)));
    await relearn.train();
    expect(await keys('archive/')).toEqual([0, 1].map((n) => `archive/cat/${hash(n)}`).sort());
  });

  test('is not lost where two lie under the names of each other', async () => {
    await place.store.put(`feedback/cat/${hash(1)}`, picture(0));
    await place.store.put(`feedback/cat/${hash(0)}`, picture(1));
    await relearn.train();
    expect(await keys('archive/')).toEqual([0, 1].map((n) => `archive/cat/${hash(n)}`).sort());
    expect(await keys('feedback/')).toEqual([]);
  });

  test('is not taken for the learnt picture whose name it has', async () => {
    await relearn.collectFeedback({ picture: picture(0), target: 'cat', source: 'test' });
    await relearn.train();
    await place.store.put(`feedback/cat/${hash(0)}`, picture(1));
    place.clock.advance(8 * 24 * 60 * 60 * 1000);
    await relearn.collectGarbage();
    await relearn.train();
    expect(await keys('archive/')).toEqual([0, 1].map((n) => `archive/cat/${hash(n)}`).sort());
  });

  test('comes back from quarantine, where an earlier release had put it', async () => {
    const key = `feedback/cat/${hash(0)}`;
    const quarantined = quarantineKey(key, hash(0), 1);
    const note = encodeQuarantineNote({
      ...{ formatVersion: 1, key, returnKey: key, sha256: hash(0), failures: 0 },
      ...{ reason: 'damaged: it is no feedback item', at: new Date(0).toISOString() },
    });
    await place.store.put(quarantineNoteKey(quarantined), note);
    await place.store.put(quarantined, picture(0));
    expect((await relearn.quarantine.retry('all')).returned).toEqual([key]);
    await relearn.train();
    expect(await keys('archive/')).toEqual([`archive/cat/${hash(0)}`]);
    expect(await setAside()).toEqual({});
  });

  test('is set aside where it does not decode, and once more under a name of its own', async () => {
    const [own, other] = [sha256(nonsense), hash(0)].map((hex) => `feedback/cat/${hex}`);
    for (const key of [own, other]) await place.store.put(key ?? '', nonsense);
    await relearn.train();
    expect(Object.keys(await setAside()).sort()).toEqual([own, other].sort());
    await relearn.quarantine.retry('all');
    await relearn.train();
    expect(Object.keys(await setAside()).sort()).toEqual([
      own,
      `${own}.${other?.slice('feedback/cat/'.length).slice(0, 40)}`,
    ]);
  });

  test('stays set aside when the picture comes whose name it had', async () => {
    const key = `feedback/cat/${hash(0)}`;
    await place.store.put(key, nonsense);
    await relearn.train();
    await relearn.collectFeedback({ picture: picture(0), target: 'cat', source: 'test' });
    await relearn.train();
    expect(await setAside()).toEqual({ [key]: 'unsupported_image' });
  });
});

describe('what counts toward the threshold', () => {
  const putTwoEach = async (name: (n: number) => string, bytes: (n: number) => Uint8Array) => {
    for (let n = 0; n < 4; n++)
      await place.store.put(`feedback/${n < 2 ? 'cat' : 'dog'}/${name(n)}`, bytes(n));
  };

  test.each([
    ['files that do not decode', (n: number) => `${n}.jpg`, (n: number) => Buffer.from(`no ${n}`)],
    ['such under hex names', (n: number) => sha256(Buffer.from(`${n}`)), () => nonsense],
    ['one picture twice', (n: number) => `${n}.jpg`, (n: number) => picture(n < 2 ? 0 : 2)],
  ])('%s do not start a training', async (_, name, bytes) => {
    await putTwoEach(name, bytes);
    expect(await relearn.considerTraining()).toEqual(belowThreshold);
    expect((await relearn.models.list()).versions).toHaveLength(1);
    // Looked at once: the next event finds nothing to look at.
    const before = (await keys('log/')).length;
    expect(await relearn.considerTraining()).toEqual(belowThreshold);
    expect(await keys('log/')).toHaveLength(before);
  });

  test('pictures that were learnt do not start another training, under whatever name', async () => {
    await putTwoEach((n) => `${n}.jpg`, picture);
    expect(await relearn.considerTraining()).toMatchObject({ result: { version: 2 } });
    const archived = await keys('archive/');
    for (const name of [(n: number) => `again-${n}.jpg`, hash]) {
      await putTwoEach(name, picture);
      expect(await relearn.considerTraining()).toEqual(belowThreshold);
      await relearn.train();
      expect(await keys('feedback/')).toEqual([]);
      expect(await keys('archive/')).toEqual(archived);
    }
    expect(await setAside()).toEqual({});
  });

  test('base pictures do not, and those that judge models are set aside', async () => {
    const rows = [0, 1, 2, 3].map((n) => ({
      sha256: hash(n),
      label: n < 2 ? 'cat' : 'dog',
      split: n % 2 === 0 ? ('train' as const) : ('holdout' as const),
      ...{ shard: 'base/base/train-00000.tfrecord', offset: 0, length: 16 },
    }));
    const key = importManifestKey('more');
    const createdAt = new Date(place.clock.now()).toISOString();
    const bytes = encodeImportManifest({ formatVersion: 1, importId: 'more', createdAt, rows });
    await place.store.put(key, bytes);
    await registerImport(openRegistryLog(place.store, place), { key, sha256: sha256(bytes) });
    await putTwoEach((n) => (n === 1 ? hash(1) : `${n}.jpg`), picture);
    expect(await relearn.considerTraining()).toEqual(belowThreshold);
    const reason = 'belongs to the holdout part of the base data';
    await relearn.train();
    expect(await setAside()).toEqual({
      [`feedback/cat/${hash(1)}`]: reason,
      'feedback/dog/3.jpg': reason,
    });
    expect(await keys('feedback/')).toEqual([]);
  });

  test('what is brought back from quarantine unmended does not', async () => {
    await putTwoEach(
      (n) => `${n}.jpg`,
      () => nonsense,
    );
    await relearn.train();
    await relearn.quarantine.retry('all');
    expect(await relearn.considerTraining()).toEqual(belowThreshold);
    expect(Object.keys(await setAside())).toHaveLength(4);
  });

  test('pictures do once they were looked at, all at one event', async () => {
    await putTwoEach((n) => `${n}.jpg`, picture);
    expect((await relearn.status()).pending).toEqual({ cat: 0, dog: 0 });
    expect(await relearn.considerTraining()).toMatchObject({ result: { version: 2 } });
  });

  test('what can not be read is not looked at again and again', async () => {
    const size = 300 * 1024 * 1024;
    const store: ObjectStore = {
      ...place.store,
      get: (key) =>
        key.endsWith('.mov') ? Promise.reject(new Error('too large')) : place.store.get(key),
      head: async (key) => {
        const found = await place.store.head(key);
        return found && key.endsWith('.mov') ? { ...found, size } : found;
      },
      async *list(prefix, options) {
        for await (const info of place.store.list(prefix, options))
          yield info.key.endsWith('.mov') ? { ...info, size } : info;
      },
    };
    await putTwoEach(
      (n) => `${n}.mov`,
      () => nonsense,
    );
    const other = await openTestRelearn({ ...place, store });
    const before = (await keys('log/')).length;
    expect(await other.considerTraining()).toEqual(belowThreshold);
    expect(await keys('log/')).toHaveLength(before);
    await other.close();
  });
});

describe('folders', () => {
  const settings = createSettings({
    labels: ['cat', 'dog', '猫', 'Ära'],
    aliases: { kitty: 'cat' },
    threshold: 2,
  });
  const open = async () => {
    await place.store.put(settingsKey, encodeJson(settings));
    return openTestRelearn(place);
  };

  test.each([
    ['feedback/cats/x.jpg', 'cat'],
    ['feedback/kitty/deeper/x.jpg', 'cat'],
    ['feedback/Dog/x.jpg', 'dog'],
    ['feedback/DOGS/x.jpg', 'dog'],
    ['feedback/猫/x.jpg', 'label-3'],
    ['feedback/label-3/x.jpg', 'label-3'],
    ['feedback/A\u0308ra/x.jpg', 'label-4'],
    [`feedback/dogs/${'0'.repeat(64)}`, 'dog'],
  ])('%s is taken in as a picture of %s', async (key, labelId) => {
    const named = await open();
    await place.store.put(key, picture(0));
    await named.train();
    expect(await keys('archive/')).toEqual([`archive/${labelId}/${hash(0)}`]);
    await named.close();
  });

  test('count together, whatever they are called', async () => {
    const named = await open();
    const names = ['cat', 'CATS', 'dog', 'dogs', '猫', 'label-3', 'Ära', 'ära'];
    for (const [n, name] of names.entries())
      await place.store.put(`feedback/${name}/x.jpg`, await greyJpeg(9 * n));
    const { unread, folders } = await named.status();
    expect(unread).toEqual(Object.fromEntries(names.map((name) => [`feedback/${name}/`, 1])));
    expect(folders).toEqual({
      cat: 'feedback/cat/',
      dog: 'feedback/dog/',
      猫: 'feedback/label-3/',
      Ära: 'feedback/label-4/',
    });
    expect(await named.check()).toMatchObject({ ok: true, unread });
    expect(await named.considerTraining()).toMatchObject({ result: { version: 2 } });
    expect((await named.status()).unread).toEqual({});
    await named.close();
  });

  test('of no label are told before a training, and set aside by it', async () => {
    await place.store.put('feedback/fish/x.jpg', picture(0));
    await place.store.put('feedback/x.jpg', picture(1));
    await place.store.put(`feedback/cat/${'b'.repeat(64)}`, picture(1));
    const unread = { 'feedback/': 1, 'feedback/fish/': 1 };
    expect((await relearn.status()).unread).toEqual(unread);
    // Under the name of an item it is found only by reading it.
    expect(await relearn.check()).toMatchObject({
      ok: true,
      unread: { ...unread, 'feedback/cat/': 1 },
    });
    await relearn.train();
    expect(await setAside()).toEqual({
      'feedback/fish/x.jpg': 'under no label',
      'feedback/x.jpg': 'under no label',
    });
  });
});

describe('names', () => {
  test('that Relearn gives are of letters, digits and _ . - /', async () => {
    await place.store.put('feedback/Fish & Co/Größe %1.txt', nonsense);
    await place.store.put('feedback/cat/Ein Bild.JPG', nonsense);
    await relearn.train();
    const written: string[] = [];
    const store: ObjectStore = {
      ...place.store,
      put: (key, bytes) => {
        written.push(key);
        return place.store.put(key, bytes);
      },
      putIfAbsent: (key, bytes) => {
        written.push(key);
        return place.store.putIfAbsent(key, bytes);
      },
    };
    const other = await openTestRelearn({ ...place, store });
    expect((await other.quarantine.retry('all')).returned).toHaveLength(2);
    await other.train();
    await other.close();
    for (const key of written) expect(key).toMatch(/^[a-z0-9/_.-]+$/);
    const hashOf = sha256(nonsense);
    expect(Object.keys(await setAside()).sort()).toEqual([
      `feedback/cat/${hashOf}.ein-bild.jpg`,
      `feedback/fish-co/${hashOf}.gr-e-1.txt`,
    ]);
  });

  test('of damaged items stay theirs: the item comes back to its place', async () => {
    const key = `feedback/cat/${hash(0)}`;
    const facts = { labelId: 'cat', receivedAt: new Date(0).toISOString(), source: 'test' };
    const item = Buffer.from(encodeFeedbackItem(await toFeedbackItem(picture(0), facts)));
    await place.store.put(key, item.subarray(0, -1));
    await place.store.put(`feedback/cat/${hash(1)}`, item);
    await relearn.train();
    expect(await setAside()).toEqual({
      [key]: 'damaged: its checksum does not match',
      [`feedback/cat/${hash(1)}`]: 'an item under a wrong name',
    });
    await relearn.quarantine.retry([key]);
    expect(await keys('feedback/')).toEqual([key]);
  });
});

describe('an answer whose name is taken', () => {
  const answer = (n: number) =>
    relearn.collectFeedback({ picture: picture(n), target: 'cat', source: 'test' });
  const itemOf = async (n: number) =>
    encodeFeedbackItem(
      await toFeedbackItem(picture(n), {
        ...{ labelId: 'cat', receivedAt: new Date(0).toISOString(), source: 'test' },
      }),
    );

  test.each<[string, () => Promise<Uint8Array> | Uint8Array, string[], string[]]>([
    ['nonsense', () => nonsense, [], ['unsupported_image']],
    ['nothing', () => new Uint8Array(), [], ['empty_image']],
    ['another picture', () => picture(1), [hash(1)], []],
    ['the item of another picture', () => itemOf(1), [], ['an item under a wrong name']],
    [
      'half an item',
      async () => (await itemOf(0)).slice(0, 99),
      [],
      ['an item under a wrong name'],
    ],
    ['the picture itself', () => picture(0), [], []],
  ])('by %s is kept all the same, and so is that', async (_, there, learnt, reasons) => {
    await place.store.put(`feedback/cat/${hash(0)}`, await there());
    expect(await answer(0)).toMatchObject({ status: 'accepted' });
    expect(await answer(0)).toMatchObject({ status: 'duplicate' });
    await relearn.train();
    expect(await keys('archive/')).toEqual(
      [hash(0), ...learnt].map((hex) => `archive/cat/${hex}`).sort(),
    );
    expect(Object.values(await setAside())).toEqual(reasons);
    expect(await relearn.check()).toMatchObject({ ok: true });
  });

  test('in the archive is kept', async () => {
    await place.store.put(`archive/cat/${hash(0)}`, nonsense);
    expect(await answer(0)).toMatchObject({ status: 'accepted' });
  });

  test.each([
    ['a folder', (path: string) => mkdir(path)],
    ['a link to nothing', (path: string) => symlink('/nowhere', path)],
  ])('by %s is refused, not called a duplicate', async (_, occupy) => {
    const root = await mkdtemp(join(tmpdir(), 'relearn-by-hand-'));
    const store = await openLocalDirectory(root, { ...place, create: true });
    for await (const { key } of place.store.list(''))
      await store.put(key, (await place.store.get(key)) ?? new Uint8Array());
    await mkdir(join(root, 'feedback/cat'), { recursive: true });
    await occupy(join(root, 'feedback/cat', hash(0)));
    const other = await openTestRelearn({ ...place, store });
    await expect(
      other.collectFeedback({ picture: picture(0), target: 'cat', source: 'test' }),
    ).rejects.toMatchObject({ code: 'name_taken' });
    await other.close();
    await rm(root, { recursive: true });
  });
});

describe('in a real store', () => {
  const folder = () => mkdtemp(join(tmpdir(), 'relearn-by-hand-'));
  const copyInto = async (store: ObjectStore) => {
    for await (const { key } of place.store.list(''))
      await store.put(key, (await place.store.get(key)) ?? new Uint8Array());
    const compute = createTestTrainer(store, place.clock);
    return openTestRelearn({ ...place, store }, { trainer: compute });
  };
  const expectBothLearnt = async (store: ObjectStore) => {
    const other = await copyInto(store);
    await store.put(`feedback/cat/${hash(0)}`, picture(0));
    await store.put(`feedback/dogs/${'1'.repeat(64)}`, picture(1));
    await other.train();
    const archived: string[] = [];
    for await (const { key } of store.list('archive/')) archived.push(key);
    expect(archived).toEqual([`archive/cat/${hash(0)}`, `archive/dog/${hash(1)}`]);
    expect(await other.check()).toMatchObject({ ok: true, unread: {} });
    await other.close();
  };

  test('a folder', async () => {
    const root = await folder();
    await expectBothLearnt(await openLocalDirectory(root, { ...place, create: true }));
    await rm(root, { recursive: true });
  });

  test('a bucket', async () => {
    const server = await startBucketServer(s3Rules());
    const env = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' };
    const url = `s3://by-hand?endpoint=${server.url}`;
    await expectBothLearnt(await openStore(url, { ...place, env, create: true }));
    await server.close();
  });

  test('links and empty folders stay, told by status and fsck with a cure, and by no training', async () => {
    const root = await folder();
    const store = await openLocalDirectory(root, { ...place, create: true });
    const first = await copyInto(store);
    await first.close();
    await mkdir(join(root, 'feedback/cat/empty'), { recursive: true });
    await writeFile(join(root, 'outside.jpg'), picture(0));
    await symlink(join(root, 'outside.jpg'), join(root, 'feedback/cat/link.jpg'));
    await symlink(root, join(root, 'feedback/link'));
    const told: string[] = [];
    const other = await openTestRelearn(
      { ...place, store },
      {
        trainer: createTestTrainer(store, place.clock),
        log: (level, message) => void (level !== 'info' && told.push(message)),
      },
    );
    await other.train();
    expect(told).toEqual([]);
    expect((await other.check()).misnamed).toEqual(
      ['feedback/cat/link.jpg', 'feedback/link'].map((path) => ({
        path,
        reason: expect.stringContaining('put the file itself in its place'),
      })),
    );
    expect(Object.values((await other.status()).misnamed)).toEqual([2]);
    await other.close();
    await rm(root, { recursive: true });
  });
});

test('what took the place of a picture while it was taken in stays for the next look', async () => {
  const { store } = place;
  const key = 'feedback/cat/a.jpg';
  await store.put(key, picture(0));
  const putIfAbsent: typeof store.putIfAbsent = async (name, bytes) => {
    if (name === `feedback/cat/${hash(0)}`) await store.put(key, picture(1));
    return store.putIfAbsent(name, bytes);
  };
  const late = await openTestRelearn({ ...place, store: { ...store, putIfAbsent } });
  await late.train();
  expect(sha256((await store.get(key)) ?? nonsense)).toBe(hash(1));
  await relearn.train();
  expect(await keys('feedback/')).toEqual([]);
  expect(await keys('archive/cat/')).toEqual(
    [hash(0), hash(1)].sort().map((h) => `archive/cat/${h}`),
  );
});
