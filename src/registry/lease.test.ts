import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createManualClock } from '../../test/contracts/manual-clock.ts';
import { openProcess } from '../../test/contracts/registry-fixtures.ts';
import { heartbeatKey } from '../records/keys.ts';
import { createMemoryStore } from '../storage/memory.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { heartbeatInterval, leaseTimeToLive, openLeaseDesk } from './lease.ts';

/** The storage's own clock stands still unless a test moves it. */
let storageTime: number;
let store: ObjectStore;
beforeEach(() => {
  storageTime = 1000;
  store = createMemoryStore({ now: () => storageTime });
});

const openDesk = (name: string, clock = createManualClock()) => {
  const process = openProcess(store, name, clock);
  return { ...process, desk: openLeaseDesk(process) };
};

describe('the lease', () => {
  it('goes to one of eight, and the others hear who has it', async () => {
    const desks = Array.from({ length: 8 }, (_, number) => openDesk(`p${number}`));
    const attempts = await Promise.all(desks.map(({ desk }) => desk.tryAcquire()));
    const won = attempts.flatMap(({ lease }) => (lease ? [lease] : []));
    expect(won).toHaveLength(1);
    for (const attempt of attempts) {
      if (!attempt.lease) expect(attempt.holder.epoch).toBe(won[0]?.epoch);
    }
  });

  it('has the number of its slot as epoch, higher each time', async () => {
    const { desk, log } = openDesk('a');
    const epochs: number[] = [];
    for (let round = 0; round < 3; round++) {
      const { lease } = await desk.tryAcquire();
      if (!lease) throw new Error('not acquired');
      epochs.push(lease.epoch);
      await desk.release(lease, 'done');
    }
    expect(epochs).toEqual([1, 3, 5]);
    expect((await log.read()).lease).toBeNull();
  });

  it('is not taken by one that was slow between two looks at a holder who is alive', async () => {
    const a = openDesk('a');
    const { lease } = await a.desk.tryAcquire();
    if (!lease) throw new Error('not acquired');
    const slowClock = createManualClock();
    const place = store;
    const pass = async (): Promise<void> => {
      storageTime += leaseTimeToLive;
      await slowClock.advance(leaseTimeToLive);
      await place.put(heartbeatKey(lease.epoch), Buffer.from(`alive at ${storageTime}`));
    };
    /** Before and after each call the holder gives a sign of life. */
    const slowly = async <T>(call: () => Promise<T>): Promise<T> => {
      await pass();
      const value = await call();
      await pass();
      return value;
    };
    const slow: ObjectStore = {
      ...place,
      get: (key) => slowly(() => place.get(key)),
      head: (key) => slowly(() => place.head(key)),
      put: (key, bytes) => slowly(() => place.put(key, bytes)),
    };
    const desk = openLeaseDesk(openProcess(slow, 'b', slowClock));
    for (let looks = 0; looks < 3; looks++) {
      expect((await desk.tryAcquire()).lease).toBeUndefined();
    }
  });

  it('is kept while its owner gives signs of life', async () => {
    const clock = createManualClock();
    const [a, b] = [openDesk('a', clock), openDesk('b', clock)];
    const { lease } = await a.desk.tryAcquire();
    if (!lease) throw new Error('not acquired');
    const onLost = vi.fn();
    const alive = a.desk.keepAlive(lease, onLost);
    for (let time = 0; time < 3 * leaseTimeToLive; time += heartbeatInterval) {
      storageTime += heartbeatInterval;
      await clock.advance(heartbeatInterval);
      expect((await b.desk.tryAcquire()).lease).toBeUndefined();
    }
    await alive.stop();
    expect(onLost).not.toHaveBeenCalled();
  });

  it('is taken over by a contender that saw no heartbeat for the time to live', async () => {
    const [a, b] = [openDesk('a'), openDesk('b')];
    const { lease } = await a.desk.tryAcquire();
    expect((await b.desk.tryAcquire()).lease).toBeUndefined();
    await b.clock.advance(leaseTimeToLive - 1);
    expect((await b.desk.tryAcquire()).lease).toBeUndefined();
    await b.clock.advance(1);
    expect((await b.desk.tryAcquire()).lease?.epoch).toBeGreaterThan(lease?.epoch ?? 0);
  });

  it("is taken over at once where the storage's clock shows that the heartbeat is old", async () => {
    const [a, b] = [openDesk('a'), openDesk('b')];
    const { lease } = await a.desk.tryAcquire();
    if (!lease) throw new Error('not acquired');
    await store.put(heartbeatKey(lease.epoch), Buffer.from('beat'));
    storageTime += leaseTimeToLive - 1;
    expect((await b.desk.tryAcquire()).lease).toBeUndefined();
    storageTime += 1;
    expect((await b.desk.tryAcquire()).lease?.epoch).toBeGreaterThan(lease.epoch);
  });

  it('does not care what time it is', async () => {
    const [a, b] = [openDesk('a'), openDesk('b', createManualClock(Date.UTC(2035, 0, 1)))];
    await a.desk.tryAcquire();
    expect((await b.desk.tryAcquire()).lease).toBeUndefined();
  });

  it('tells its owner once that it is lost', async () => {
    const clock = createManualClock();
    const [a, b] = [openDesk('a', clock), openDesk('b', clock)];
    const { lease } = await a.desk.tryAcquire();
    if (!lease) throw new Error('not acquired');
    storageTime += leaseTimeToLive;
    expect((await b.desk.tryAcquire()).lease).toBeDefined();
    const onLost = vi.fn();
    const alive = a.desk.keepAlive(lease, onLost);
    for (let beat = 0; beat < 3; beat++) await clock.advance(heartbeatInterval);
    await alive.stop();
    expect(onLost).toHaveBeenCalledTimes(1);
  });

  it('outlives a storage that is away for a while', async () => {
    const clock = createManualClock();
    const healthy = store;
    let away = false;
    store = {
      ...healthy,
      put: async (key, bytes) => {
        if (away) throw new Error('away');
        await healthy.put(key, bytes);
      },
    };
    const { desk } = openDesk('a', clock);
    const { lease } = await desk.tryAcquire();
    if (!lease) throw new Error('not acquired');
    const onLost = vi.fn();
    const alive = desk.keepAlive(lease, onLost);
    away = true;
    for (let beat = 0; beat < 3; beat++) await clock.advance(heartbeatInterval);
    away = false;
    storageTime += 5000;
    await clock.advance(heartbeatInterval);
    expect((await store.head(heartbeatKey(lease.epoch)))?.modifiedAt).toBe(storageTime);
    await alive.stop();
    expect(onLost).not.toHaveBeenCalled();
  });

  it('can be given back after it was lost, without touching the new one', async () => {
    const [a, b] = [openDesk('a'), openDesk('b')];
    const { lease } = await a.desk.tryAcquire();
    if (!lease) throw new Error('not acquired');
    storageTime += leaseTimeToLive;
    const { lease: next } = await b.desk.tryAcquire();
    await a.desk.release(lease, 'done');
    expect((await a.log.read()).lease?.epoch).toBe(next?.epoch);
  });
});
