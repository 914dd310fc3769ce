/**
 * A process dies at its n-th call to the store, for every n until it gets through: nothing that was
 * acknowledged is lost, every invariant holds, and the next process completes the work.
 */
import { expect, test } from 'vitest';
import { dyingStore } from '../../test/dying-store.ts';
import { greyJpeg } from '../../test/grey-jpeg.ts';
import {
  createTestStore,
  createTestTrainer,
  openTestRelearn,
  type TestStore,
} from '../../test/loop-store.ts';
import { sha256 } from '../base/hash.ts';
import { parseItemKey } from '../records/keys.ts';
import { checkInvariants } from '../registry/invariants.ts';
import { leaseTimeToLive } from '../registry/lease.ts';
import { openRegistryLog } from '../registry/registry-log.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { Relearn } from './relearn-api.ts';

const pictures = await Promise.all([0, 50, 100, 150].map(greyJpeg));
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

/** Runs `work` in a process that dies. @returns whether it died */
const dieIn = async (
  place: TestStore,
  last: number,
  when: 'before' | 'after',
  work: (relearn: Relearn) => Promise<unknown>,
) => {
  const { dying, isDead } = dyingStore(place.store, last, when);
  try {
    const trainer = createTestTrainer(dying, place.clock);
    const relearn = await openTestRelearn({ ...place, store: dying }, { trainer });
    await work(relearn);
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
      const died = await dieIn(place, last, when, (relearn) => relearn.considerTraining());
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

const countOf = async (store: ObjectStore, prefix: string): Promise<number> => {
  let count = 0;
  for await (const _ of store.list(prefix)) count++;
  return count;
};

test.each(['before', 'after'] as const)(
  'setting aside and bringing back, each dying %s any call to the store',
  async (when) => {
    const strays = ['feedback/fish/a.jpg', 'feedback/fish/b.jpg'];
    let [settingAside, bringingBack] = [0, 0];
    for (let last = 1; ; last++) {
      const place = await createTestStore();
      for (const key of strays) await place.store.put(key, Buffer.from('a fish'));
      const died = await dieIn(place, last, when, (relearn) => relearn.train());
      place.clock.advance(leaseTimeToLive + 1);
      const next = await openTestRelearn(place);
      const { quarantined } = await next.check();
      // Each lies in one of the two places or, until the next training, in both: then it is not set aside.
      const set = quarantined['under no label'] ?? 0;
      expect(set + (await countOf(place.store, 'feedback/fish/'))).toBe(strays.length);
      await next.train();
      expect((await next.quarantine.list()).items.map(({ key }) => key).sort()).toEqual(strays);
      settingAside += Number(died);

      const back = await dieIn(place, last, when, (relearn) => relearn.quarantine.retry('all'));
      const left = (await next.quarantine.list()).items.length;
      expect(left + (await countOf(place.store, 'feedback/fish/'))).toBe(strays.length);
      await next.quarantine.retry('all');
      expect((await next.check()).quarantined).toEqual({});
      expect(await countOf(place.store, 'feedback/fish/')).toBe(strays.length);
      await next.close();
      bringingBack += Number(back);
      if (!died && !back) break;
    }
    expect(settingAside).toBeGreaterThan(30);
    expect(bringingBack).toBeGreaterThan(15);
  },
);

test.each(['before', 'after'] as const)(
  'taking in what has no key, dying %s any call to the store',
  async (when) => {
    const [picture = new Uint8Array()] = pictures;
    for (let last = 1; ; last++) {
      const place = await createTestStore();
      const odd = new Map([
        ['feedback/cat/.x.jpg', picture],
        ['feedback//note', Buffer.from('a note')],
      ]);
      const store: ObjectStore = {
        ...place.store,
        async *misnamed() {
          for (const [name, bytes] of odd)
            yield {
              ...{ name, size: bytes.length, modifiedAt: 0, fault: 'odd' },
              read: async () => odd.get(name),
              remove: async () => void odd.delete(name),
            };
        },
      };
      const died = await dieIn({ ...place, store }, last, when, (relearn) => relearn.train());
      const isTaken = async () => (await itemsOf(store)).has(sha256(picture));
      expect((await isTaken()) || odd.has('feedback/cat/.x.jpg')).toBe(true);
      place.clock.advance(leaseTimeToLive + 1);
      const next = await openTestRelearn({ ...place, store });
      const setAside = async () => (await next.quarantine.list()).items.map(({ key }) => key);
      expect((await setAside()).length === 1 || odd.has('feedback//note')).toBe(true);
      await next.train();
      expect(odd.size).toBe(0);
      expect(await setAside()).toEqual(['feedback//note']);
      expect(await itemsOf(store)).toEqual(new Set([sha256(picture)]));
      await next.close();
      if (!died) return expect(last).toBeGreaterThan(30);
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
