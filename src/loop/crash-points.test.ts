/**
 * A process dies at its n-th call to the store, for every n until it gets through: nothing that was
 * acknowledged is lost, every invariant holds, and the next process completes the work.
 */
import { expect, test } from 'vitest';
import { dyingStore } from '../../test/dying-store.ts';
import {
  createTestStore,
  createTestTrainer,
  openTestRelearn,
  type TestStore,
} from '../../test/loop-store.ts';
import { sha256 } from '../base/hash.ts';
import { encodeJpeg } from '../data/decode-image.ts';
import { parseItemKey } from '../records/keys.ts';
import { checkInvariants } from '../registry/invariants.ts';
import { leaseTimeToLive } from '../registry/lease.ts';
import { openRegistryLog } from '../registry/registry-log.ts';
import type { ObjectStore } from '../storage/object-store.ts';

const pictures = await Promise.all(
  Array.from({ length: 4 }, (_, n) =>
    encodeJpeg({ width: 8, height: 8, channels: 3, data: new Uint8Array(8 * 8 * 3).fill(50 * n) }),
  ),
);
const labelOf = (n: number) => (n % 2 === 0 ? 'cat' : 'dog');

const itemsOf = async (store: ObjectStore): Promise<ReadonlySet<string>> => {
  const found = new Set<string>();
  for (const prefix of ['feedback/', 'archive/']) {
    for await (const { key } of store.list(prefix)) found.add(parseItemKey(key)?.sha256 ?? key);
  }
  return found;
};

/** A first version, then feedback up to the threshold. */
const prepare = async (): Promise<TestStore> => {
  const place = await createTestStore();
  const relearn = await openTestRelearn(place);
  await relearn.train();
  for (const [n, picture] of pictures.entries()) {
    await relearn.collectFeedback({ picture, target: labelOf(n), source: 'test' });
  }
  await relearn.close();
  return place;
};

const expectSound = async ({ store, clock, newId }: TestStore) => {
  const problems = await checkInvariants(store, openRegistryLog(store, { clock, newId }), {
    now: clock.now(),
  });
  expect(problems).toEqual([]);
  expect(await itemsOf(store)).toEqual(new Set(pictures.map(sha256)));
};

/** Trains in a process that dies. @returns whether it died */
const trainDying = async (place: TestStore, last: number, when: 'before' | 'after') => {
  const { dying, isDead } = dyingStore(place.store, last, when);
  try {
    const relearn = await openTestRelearn(
      { ...place, store: dying },
      { trainer: createTestTrainer(dying, place.clock) },
    );
    await relearn.considerTraining();
    await relearn.close();
  } catch (error) {
    if (!isDead()) throw error;
  }
  return isDead();
};

test.each(['before', 'after'] as const)(
  'a training that dies %s any call to the store',
  async (when) => {
    for (let last = 1; ; last++) {
      const place = await prepare();
      const died = await trainDying(place, last, when);
      await expectSound(place);
      if (!died) {
        // The run has this many calls; a handful would mean that hardly anything was tried.
        expect(last).toBeGreaterThan(30);
        return;
      }
      // The dead process gives no sign of life any more.
      place.clock.advance(leaseTimeToLive + 1);
      const next = await openTestRelearn(place);
      await next.considerTraining();
      const { champion, versions } = await next.models.list();
      // Either the dead one had registered its version, or the next made it; never both.
      expect({ last, champion, versions: versions.length }).toEqual({
        last,
        champion: 2,
        versions: 2,
      });
      const status = await next.status();
      expect(status).toMatchObject({ pending: { cat: 0, dog: 0 }, training: null });
      await next.train();
      await next.close();
      await expectSound(place);
      const left: string[] = [];
      for await (const { key } of place.store.list('feedback/')) left.push(key);
      expect(left).toEqual([]);
    }
  },
);

test.each(['before', 'after'] as const)(
  'feedback that dies %s any call to the store',
  async (when) => {
    const [picture] = pictures;
    if (!picture) throw new Error('no picture');
    for (let last = 1; ; last++) {
      const place = await createTestStore();
      const { dying, isDead } = dyingStore(place.store, last, when);
      const send = async (store: ObjectStore) => {
        const relearn = await openTestRelearn({ ...place, store });
        const { status } = await relearn.collectFeedback({
          picture,
          target: 'cat',
          source: 'test',
        });
        await relearn.close();
        return status;
      };
      const status = await send(dying).catch((error: unknown) => {
        if (!isDead()) throw error;
        return undefined;
      });
      // Acknowledged means durable; sent again it is the same item.
      if (status) expect(await itemsOf(place.store)).toEqual(new Set([sha256(picture)]));
      const again = await send(place.store);
      expect(['accepted', 'duplicate']).toContain(again);
      expect(await itemsOf(place.store)).toEqual(new Set([sha256(picture)]));
      if (!isDead()) {
        expect(last).toBeGreaterThan(5);
        return;
      }
    }
  },
);
