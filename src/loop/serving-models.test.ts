/** Which model answers after a host let the process stand still. */
import { afterEach, describe, expect, it } from 'vitest';
import { createManualClock } from '../../test/contracts/manual-clock.ts';
import { createTestStore, openTestRelearn } from '../../test/loop-store.ts';
import { encodeJpeg } from '../data/decode-image.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { Relearn } from './relearn-api.ts';

const opened: Relearn[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

/** Calls wait for `gate` before they reach the store. */
const gated = (store: ObjectStore, gate: () => Promise<void>): ObjectStore => ({
  ...store,
  get: async (key) => gate().then(() => store.get(key)),
  head: async (key) => gate().then(() => store.head(key)),
});

const setUp = async () => {
  const place = await createTestStore();
  const trainer = await openTestRelearn(place);
  await trainer.train();
  const clock = createManualClock();
  let gate = () => Promise.resolve();
  const server = await openTestRelearn(place, {
    clock,
    store: gated(place.store, () => gate()),
  });
  opened.push(trainer, server);
  const data = new Uint8Array(8 * 8 * 3);
  const picture = await encodeJpeg({ width: 8, height: 8, channels: 3, data });
  const answer = async () => (await server.predict(picture)).version;
  expect(await answer()).toBe(1);
  await trainer.train();
  return {
    clock,
    answer,
    setGate: (next: () => Promise<void>) => {
      gate = next;
    },
  };
};

describe('a process that stood still', () => {
  it('looks before it answers', async () => {
    const { clock, answer } = await setUp();
    clock.advance(3_600_000);
    expect(await answer()).toBe(2);
  });

  it('does not take the look that woke with it for its own: that had no credentials yet', async () => {
    const { clock, answer, setGate } = await setUp();
    let refuse = () => {};
    const refused = new Promise<void>((_resolve, reject) => {
      refuse = () => reject(new Error('expired'));
    });
    setGate(() => refused);
    // The watcher's pause ends with the thaw, before the request is read.
    await clock.advance(3_600_000);
    const answered = answer();
    setGate(() => Promise.resolve());
    refuse();
    expect(await answered).toBe(2);
  });

  it('answers with what it has where the storage is away, and does not wait for it each time', async () => {
    const { clock, answer, setGate } = await setUp();
    let looks = 0;
    setGate(async () => {
      looks += 1;
      throw new Error('away');
    });
    await clock.advance(3_600_000);
    expect(await answer()).toBe(1);
    const before = looks;
    expect(await answer()).toBe(1);
    expect(looks).toBe(before);
    setGate(() => Promise.resolve());
    await clock.advance(5_000);
    expect(await answer()).toBe(2);
  });
});
