/** From quarantine and back: told, listed, returned, never in neither place and never counted twice. */
import { beforeEach, expect, test } from 'vitest';
import { greyJpeg } from '../../../test/grey-jpeg.ts';
import {
  createTestStore,
  createTestTrainer,
  openTestRelearn,
  type TestStore,
} from '../../../test/loop-store.ts';
import { RelearnError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { quarantineNoteKey } from '../../records/keys.ts';
import type { Relearn } from '../relearn-api.ts';
import type { Trainer } from '../training/trainer.ts';

const pictures = await Promise.all([0, 40, 80, 120].map(greyJpeg));
const poison = `feedback/cat/${sha256(pictures[0] ?? new Uint8Array())}`;

let place: TestStore;
let relearn: Relearn;
/** Whether the poison kills whoever decodes it. */
let isPoisonous: boolean;
let failuresBefore: number[];

beforeEach(async () => {
  place = await createTestStore();
  isPoisonous = true;
  failuresBefore = [];
  const compute = createTestTrainer(place.store, place.clock);
  const trainer: Trainer = async (request, watch) => {
    failuresBefore.push(request.failures);
    if (!isPoisonous || !(await place.store.head(poison))) return compute(request, watch);
    const details = request.failures >= 3 ? { details: { decoding: poison } } : {};
    throw new RelearnError('unavailable', 'training_crashed', 'It died.', details);
  };
  relearn = await openTestRelearn(place, { trainer });
  await relearn.train();
  for (const [n, picture] of pictures.entries()) {
    const target = n % 2 === 0 ? 'cat' : 'dog';
    await relearn.collectFeedback({ picture, target, source: 'test' });
  }
  for (let attempt = 0; attempt < 4; attempt++)
    await expect(relearn.train()).rejects.toMatchObject({ code: 'training_crashed' });
  failuresBefore.length = 0;
});

const waiting = async () => (await relearn.quarantine.list()).items.map(({ key }) => key);
const quarantined = { 'the decoder died of it': 1 };
const sound = { ok: true, problems: [], unread: {}, misnamed: [], folderMarkers: 0 };

test('accepted feedback that was set aside is told by status and fsck, and listed', async () => {
  expect(await relearn.status()).toMatchObject({ pending: { cat: 1, dog: 2 }, quarantined });
  expect(await relearn.check()).toEqual({ ...sound, quarantined });
  expect((await relearn.quarantine.list()).items).toEqual([
    {
      id: expect.stringMatching(/^quarantine\/[0-9a-f]{64}-\d+\/[0-9a-f]{64}$/),
      key: poison,
      reason: 'the decoder died of it',
      at: new Date(place.clock.now()).toISOString(),
      failures: 3,
      bytes: expect.any(Number),
    },
  ]);
});

test.each([
  ['its key', async () => [poison]],
  ['its id', async () => (await relearn.quarantine.list()).items.map(({ id }) => id)],
  ['all', async () => 'all' as const],
])('brought back by %s, it counts again and is learnt once the cause is gone', async (_, name) => {
  isPoisonous = false;
  expect(await relearn.quarantine.retry(await name())).toEqual({ returned: [poison], failed: [] });
  expect(await relearn.status()).toMatchObject({ pending: { cat: 2, dog: 2 }, quarantined: {} });
  expect(await relearn.considerTraining()).toMatchObject({ result: { version: 2 } });
  expect(await waiting()).toEqual([]);
  expect(await place.store.head(poison.replace('feedback', 'archive'))).toBeDefined();
  expect(await relearn.check()).toEqual({ ...sound, quarantined: {} });
});

test('brought back, its failures are forgotten: it has three more tries', async () => {
  await relearn.quarantine.retry('all');
  for (let attempt = 0; attempt < 4; attempt++)
    await expect(relearn.train()).rejects.toMatchObject({ code: 'training_crashed' });
  expect(failuresBefore).toEqual([0, 1, 2, 3]);
  expect(await waiting()).toEqual([poison]);
  await relearn.train();
  expect(await relearn.check()).toEqual({ ...sound, quarantined });
});

test('brought back twice it is there once, and nothing is counted anew', async () => {
  await relearn.quarantine.retry('all');
  expect(await relearn.quarantine.retry('all')).toEqual({ returned: [], failed: [] });
  await expect(relearn.quarantine.retry([poison])).rejects.toMatchObject({
    kind: 'not-found',
    code: 'not_quarantined',
  });
  expect((await relearn.status()).pending).toEqual({ cat: 2, dog: 2 });
});

test('a name that is not there keeps the others where they are', async () => {
  await expect(relearn.quarantine.retry([poison, 'feedback/cat/x'])).rejects.toThrow(
    '"feedback/cat/x" is not in quarantine.',
  );
  expect(await waiting()).toEqual([poison]);
});

test('a process that wakes late and removes it once more does not lose it', async () => {
  await relearn.quarantine.retry('all');
  await place.store.delete(poison);
  expect(await waiting()).toEqual([poison]);
  await relearn.quarantine.retry('all');
  expect(await place.store.head(poison)).toBeDefined();
});

test('sent again by its user, it is no longer set aside', async () => {
  const receipt = await relearn.collectFeedback({
    picture: pictures[0] ?? new Uint8Array(),
    target: 'cat',
    source: 'test',
  });
  expect(receipt.status).toBe('accepted');
  expect(await waiting()).toEqual([]);
});

test('the same bytes from two places come back to both', async () => {
  const names = ['feedback/cat/note.txt', 'feedback/dog/note.txt', 'feedback/fish/note.txt'];
  for (const name of names) await place.store.put(name, Buffer.from('no picture'));
  await relearn.train();
  expect((await waiting()).sort()).toEqual([poison, ...names].sort());
  await relearn.quarantine.retry(names);
  for (const name of names) expect(await place.store.head(name)).toBeDefined();
  await relearn.train();
  expect((await waiting()).sort()).toEqual([poison, ...names].sort());
});

test('something else that lies in its place by now stays there, and both are kept', async () => {
  const key = 'feedback/cat/note.txt';
  await place.store.put(key, Buffer.from('no picture'));
  await relearn.train();
  await place.store.put(key, Buffer.from('another'));
  expect((await waiting()).sort()).toEqual([poison, key].sort());
  expect(await relearn.quarantine.retry([key])).toEqual({
    returned: [],
    failed: [{ path: key, reason: 'something else lies there by now' }],
  });
  await relearn.train();
  expect((await waiting()).sort()).toEqual([poison, key, key].sort());
});

test('a missing note and damaged bytes are told, and stay', async () => {
  const [{ id } = { id: '' }] = (await relearn.quarantine.list()).items;
  const bytes = await place.store.get(id);
  await place.store.put(id, Buffer.from('other'));
  expect(await relearn.quarantine.retry('all')).toEqual({
    returned: [],
    failed: [{ path: poison, reason: 'it is not what was set aside' }],
  });
  await place.store.put(id, bytes ?? new Uint8Array());
  await place.store.delete(quarantineNoteKey(id));
  expect((await relearn.quarantine.list()).items).toMatchObject([{ key: id, reason: null }]);
  expect(await relearn.quarantine.retry('all')).toMatchObject({ failed: [{ path: id }] });
  expect((await relearn.check()).problems).toMatchObject([
    { invariant: 'I1', key: id, message: 'was set aside, and its note is missing' },
    { invariant: 'I1', key: poison },
  ]);
});

test('gc removes the copy of what is back, a week later, and nothing that is set aside', async () => {
  const inQuarantine = async () => {
    const found: string[] = [];
    for await (const { key } of place.store.list('quarantine/')) found.push(key);
    return found.length;
  };
  await relearn.quarantine.retry('all');
  await relearn.collectGarbage();
  expect(await inQuarantine()).toBe(2);
  await place.store.delete(poison);
  place.clock.advance(8 * 24 * 60 * 60 * 1000);
  await relearn.collectGarbage();
  expect(await waiting()).toEqual([poison]);
  await relearn.quarantine.retry('all');
  await relearn.collectGarbage();
  expect(await inQuarantine()).toBe(0);
  expect(await place.store.head(poison)).toBeDefined();
});
