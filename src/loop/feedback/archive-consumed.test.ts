/** Feedback that was learnt leaves `feedback/`, and never before the archive holds it whole. */
import { beforeEach, expect, test } from 'vitest';
import { greyJpeg } from '../../../test/grey-jpeg.ts';
import { createTestStore, openTestRelearn, type TestStore } from '../../../test/loop-store.ts';
import { sha256 } from '../../base/hash.ts';
import { decodeFeedbackItem, encodeFeedbackItem } from '../../records/feedback-item.ts';
import { archiveKey, archivePrefix, feedbackKey } from '../../records/keys.ts';
import type { Relearn } from '../relearn-api.ts';

const picture = await greyJpeg(0);
const learnt = archiveKey('cat', sha256(picture));
const again = feedbackKey('cat', sha256(picture));
const week = 7 * 24 * 60 * 60 * 1000;

let place: TestStore;
let relearn: Relearn;
beforeEach(async () => {
  place = await createTestStore();
  relearn = await openTestRelearn(place);
  await relearn.collectFeedback({ picture, target: 'cat', source: 'a person' });
  await relearn.train();
});

const damage = async (key: string) => {
  const bytes = (await place.store.get(key)) ?? new Uint8Array();
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
  await place.store.put(key, bytes);
};

test('a picture that was learnt and is put there again does not stay for ever', async () => {
  const before = await place.store.get(learnt);
  await place.store.put('feedback/cat/again.jpg', picture);
  await relearn.train();
  await relearn.train();
  expect(await place.store.head(again)).toBeUndefined();
  expect(await place.store.get(learnt)).toEqual(before);
});

test('a damaged copy in the archive is replaced by the whole one', async () => {
  const whole = (await place.store.get(learnt)) ?? new Uint8Array();
  await place.store.put(again, whole);
  await damage(learnt);
  await relearn.train();
  expect(await place.store.get(learnt)).toEqual(whole);
  expect(await place.store.head(again)).toBeUndefined();
});

test('gc keeps the whole copy where the one in the archive is damaged', async () => {
  await place.store.put(again, (await place.store.get(learnt)) ?? new Uint8Array());
  await damage(learnt);
  place.clock.advance(week + 1);
  expect((await relearn.collectGarbage({ dryRun: true })).keys).not.toContain(again);
  await damage(learnt);
  expect((await relearn.collectGarbage({ dryRun: true })).keys).toContain(again);
});

test('a copy in the archive that says something else is replaced by the right one', async () => {
  const whole = (await place.store.get(learnt)) ?? new Uint8Array();
  const { header, image } = decodeFeedbackItem(whole, learnt);
  const wrong = encodeFeedbackItem({ header: { ...header, labelId: 'dog' }, image });
  await place.store.put(again, whole);
  await place.store.put(learnt, wrong);
  await relearn.train();
  expect(await place.store.get(learnt)).toEqual(whole);
  expect(await place.store.head(again)).toBeUndefined();
});

test('what the storage keeps damaged in the archive is not deleted', async () => {
  await place.store.put(again, (await place.store.get(learnt)) ?? new Uint8Array());
  await place.store.delete(learnt);
  const { store } = place;
  const damaging: typeof store = {
    ...store,
    put: (key, bytes) =>
      store.put(key, key.startsWith(archivePrefix) ? bytes.subarray(0, bytes.length - 1) : bytes),
  };
  const unlucky = await openTestRelearn({ ...place, store: damaging });
  await unlucky.train();
  expect(await store.head(again)).toBeDefined();
  // The next training finds a storage that is well again.
  await relearn.train();
  expect(await store.head(learnt)).toBeDefined();
  expect(await store.head(again)).toBeUndefined();
});

test('a damaged item is not archived but set aside', async () => {
  await place.store.put(again, (await place.store.get(learnt)) ?? new Uint8Array());
  await place.store.delete(learnt);
  await damage(again);
  await relearn.train();
  expect(await place.store.head(learnt)).toBeUndefined();
  expect((await relearn.quarantine.list()).items.map(({ key }) => key)).toEqual([again]);
});
