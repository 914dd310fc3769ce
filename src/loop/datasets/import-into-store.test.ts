/** Pictures that come again under another label than the store knows for them. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { greyJpeg } from '../../../test/grey-jpeg.ts';
import {
  createTestClock,
  createTestTrainer,
  openTestClassifier,
} from '../../../test/loop-store.ts';
import { sha256 } from '../../base/hash.ts';
import { splitOf } from '../../data/split.ts';
import { createMemoryStore } from '../../storage/memory.ts';
import { createRelearn } from '../relearn.ts';
import type { Relearn } from '../relearn-api.ts';
import { initStore } from '../store/init-store.ts';

const shares = { holdout: 0.3, validation: 0.1 };
const pictures = await Promise.all(Array.from({ length: 40 }, (_, n) => greyJpeg(6 * n)));
const partOf = (bytes: Uint8Array) => splitOf(sha256(bytes), shares);
const learnt = pictures.find((bytes) => partOf(bytes) === 'train') ?? new Uint8Array();
const judging = pictures.find((bytes) => partOf(bytes) === 'holdout') ?? new Uint8Array();

const clock = createTestClock();
let folder: string;
let relearn: Relearn;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relearn-conflicts-'));
  const store = createMemoryStore();
  await initStore({ store, labels: ['cat', 'dog'], ...shares });
  relearn = await createRelearn({
    store,
    clock,
    trainer: createTestTrainer(store, clock),
    openClassifier: openTestClassifier,
  });
});
afterEach(async () => {
  await relearn.close();
  await rm(folder, { recursive: true });
});

/** @param files by name: `dog/a.jpg` */
const importing = async (
  name: string,
  files: Readonly<Record<string, Uint8Array>>,
  role: 'base' | 'feedback' = 'base',
) => {
  for (const [file, bytes] of Object.entries(files)) {
    const path = join(folder, name, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  }
  clock.advance(1000);
  const report = await relearn.importPictures([join(folder, name)], { role });
  const conflicts = report.conflicts.map((conflict) => ({
    ...conflict,
    path: conflict.path.split('/').slice(-2).join('/'),
  }));
  return { ...report, conflicts };
};

const first = { 'cat/a.jpg': learnt, 'cat/b.jpg': judging };

it('names what is known under another label, and keeps the known one', async () => {
  await importing('first', first);
  expect(await importing('second', { 'dog/a.jpg': learnt, 'dog/b.jpg': judging })).toMatchObject({
    imported: 0,
    duplicates: 2,
    conflicts: [
      { path: 'dog/a.jpg', label: 'dog', knownAs: 'cat', heldBack: false },
      { path: 'dog/b.jpg', label: 'dog', knownAs: 'cat', heldBack: true },
    ],
  });
  expect((await relearn.status()).base).toEqual({ cat: 2, dog: 0 });
  expect((await importing('first', {})).conflicts).toEqual([]);
});

it('as feedback the other label counts, but for pictures that judge models', async () => {
  await importing('first', first);
  const second = { 'dog/a.jpg': learnt, 'dog/b.jpg': judging };
  expect(await importing('second', second, 'feedback')).toMatchObject({
    imported: 1,
    duplicates: 1,
    conflicts: [{ path: 'dog/b.jpg', label: 'dog', knownAs: 'cat', heldBack: true }],
  });
  expect((await relearn.status()).pending).toEqual({ cat: 0, dog: 1 });
  // The label that people gave last is the known one from now on.
  expect((await importing('first', {})).conflicts).toMatchObject([
    { path: 'cat/a.jpg', label: 'cat', knownAs: 'dog', heldBack: false },
  ]);
  expect((await importing('second', {})).conflicts).toMatchObject([{ path: 'dog/b.jpg' }]);
});

it('names a picture that lies under two labels in one import', async () => {
  expect(await importing('both', { 'cat/a.jpg': judging, 'dog/a.jpg': judging })).toMatchObject({
    imported: 1,
    duplicates: 1,
    conflicts: [{ path: 'dog/a.jpg', label: 'dog', knownAs: 'cat', heldBack: true }],
  });
});

it('an answer that a picture of the holdout shows something else is told to be in vain', async () => {
  await importing('first', first);
  const say = (picture: Uint8Array, target: string) =>
    relearn.collectFeedback({ picture, target, source: 'test' });
  expect(await say(judging, 'dog')).toMatchObject({ status: 'duplicate', reason: 'held-back' });
  expect(await say(judging, 'cat')).not.toHaveProperty('reason');
  expect(await say(learnt, 'dog')).toEqual({
    result: true,
    id: sha256(learnt),
    status: 'accepted',
  });
});

it('a training without a picture to learn from tells where the pictures are', async () => {
  await importing('first', { 'cat/b.jpg': judging });
  await expect(relearn.train()).rejects.toMatchObject({
    code: 'no_base_data',
    message:
      'There are no base pictures to train on: 1 picture is held back to judge models (1 in the holdout).',
    hint: expect.stringContaining('relearn import'),
  });
});
