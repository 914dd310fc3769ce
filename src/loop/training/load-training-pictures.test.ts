/** What becomes of feedback when it is read for a training: disagreement, damage, poison. */
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
import { encodeFeedbackItem } from '../../records/feedback-item.ts';
import { feedbackKey } from '../../records/keys.ts';
import { loadSettings } from '../../records/stored-settings.ts';
import type { FeedbackRow } from '../../records/training-manifest.ts';
import { loadTrainingPictures } from './load-training-pictures.ts';
import type { TrainingRequest } from './trainer.ts';

const grey = await greyJpeg(0);

let place: TestStore;
beforeEach(async () => {
  place = await createTestStore();
});

const putItem = async (labelId: string, receivedAt: string, image = grey): Promise<FeedbackRow> => {
  const row = { key: feedbackKey(labelId, sha256(image)), labelId, sha256: sha256(image) };
  const header = {
    formatVersion: 1,
    sha256: row.sha256,
    labelId,
    receivedAt,
    source: 'test',
    width: 8,
    height: 8,
    encoder: 'test',
  } as const;
  await place.store.put(row.key, encodeFeedbackItem({ header, image }));
  return row;
};

const load = async (
  feedback: readonly FeedbackRow[],
  onDecoding?: (key: string) => Promise<void>,
) => {
  const settings = await loadSettings(place.store);
  const site = { ...place, settings, epoch: 1, failures: 0, log: () => {} };
  return (await loadTrainingPictures(site, { base: [], replay: [], feedback }, onDecoding)).train;
};

const quarantined = async () => {
  const reasons: string[] = [];
  for await (const { key } of place.store.list('quarantine/')) {
    if (!key.endsWith('.json')) continue;
    const note = JSON.parse(String(Buffer.from((await place.store.get(key)) ?? [])));
    reasons.push(`${note.key}: ${note.reason}`);
  }
  return reasons;
};

test('of two answers on one picture the latest counts', async () => {
  const dog = await putItem('dog', '2026-01-01T00:00:02.000Z');
  const cat = await putItem('cat', '2026-01-01T00:00:01.000Z');
  for (const rows of [
    [cat, dog],
    [dog, cat],
  ]) {
    expect((await load(rows)).map(({ label }) => label)).toEqual([1]);
  }
});

test('a damaged item is set aside, and the others are read', async () => {
  const dog = await putItem('dog', '2026-01-01T00:00:00.000Z');
  const cat = await putItem('cat', '2026-01-01T00:00:00.000Z');
  const bytes = (await place.store.get(cat.key)) ?? new Uint8Array();
  bytes[bytes.length - 40] = (bytes[bytes.length - 40] ?? 0) ^ 1;
  await place.store.put(cat.key, bytes);
  expect((await load([cat, dog])).map(({ label }) => label)).toEqual([1]);
  expect(await quarantined()).toEqual([`${cat.key}: damaged: its checksum does not match`]);
});

test('a suspect picture that can not be decoded is set aside', async () => {
  const good = await putItem('dog', '2026-01-01T00:00:00.000Z');
  const bad = await putItem('cat', '2026-01-01T00:00:00.000Z', Buffer.from('no picture'));
  const told: string[] = [];
  const pictures = await load([bad, good], async (key) => {
    told.push(key);
  });
  expect(told).toEqual([bad.key, good.key]);
  expect(pictures).toHaveLength(1);
  expect(await quarantined()).toEqual([`${bad.key}: unsupported_image`]);
});

test('after three trainings that died, the picture that kills the process is set aside', async () => {
  const first = await openTestRelearn(place);
  await first.train();
  await first.close();
  const cat = await putItem('cat', '2026-01-01T00:00:00.000Z');
  const failures: number[] = [];
  const compute = createTestTrainer(place.store, place.clock);
  const poisoned = async (request: TrainingRequest) => {
    failures.push(request.failures);
    const details = request.failures >= 3 ? { details: { decoding: cat.key } } : {};
    throw new RelearnError('unavailable', 'training_crashed', 'It died.', details);
  };
  const relearn = await openTestRelearn(place, {
    trainer: async (request, watch) =>
      (await place.store.head(cat.key)) ? poisoned(request) : compute(request, watch),
  });
  for (let attempt = 0; attempt < 4; attempt++) {
    await expect(relearn.train()).rejects.toMatchObject({ code: 'training_crashed' });
  }
  expect(failures).toEqual([0, 1, 2, 3]);
  expect(await quarantined()).toEqual([`${cat.key}: the decoder died of it`]);
  expect(await relearn.train()).toMatchObject({ version: 2 });
  await relearn.close();
});

test('an item that is whole again when a training comes late to set it aside stays', async () => {
  const row = await putItem('cat', '2026-01-01T00:00:00.000Z');
  const whole = (await place.store.get(row.key)) ?? new Uint8Array();
  const { store } = place;
  await store.put(row.key, whole.subarray(0, whole.length - 1));
  // Asleep before it deletes: meanwhile another training set it aside and a person sent it again.
  const putIfAbsent: typeof store.putIfAbsent = async (key, bytes) => {
    const outcome = await store.putIfAbsent(key, bytes);
    if (key.startsWith('quarantine/')) await store.put(row.key, whole);
    return outcome;
  };
  place = { ...place, store: { ...store, putIfAbsent } };
  expect(await load([row])).toEqual([]);
  expect(await quarantined()).toHaveLength(1);
  expect(await store.get(row.key)).toEqual(whole);
});
