/** Which model answers after a host let the process stand still, and while the storage hangs. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createManualClock } from '../../../test/contracts/manual-clock.ts';
import { greyJpeg } from '../../../test/grey-jpeg.ts';
import { createTestStore, openTestRelearn } from '../../../test/loop-store.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { Relearn } from '../relearn-api.ts';

const opened: Relearn[] = [];
let end = () => {};
let theEnd: Promise<void>;
beforeEach(() => {
  theEnd = new Promise((resolve) => {
    end = resolve;
  });
});
afterEach(async () => {
  end();
  for (const one of opened.splice(0)) await one.close();
});

/** Calls wait for `gate` before they reach the store. */
const gated = (store: ObjectStore, gate: () => Promise<void>): ObjectStore => ({
  ...store,
  get: async (key) => gate().then(() => store.get(key)),
  head: async (key) => gate().then(() => store.head(key)),
});

/** A storage that hangs until the test ends. */
const never = () => theEnd;

const setUp = async () => {
  const place = await createTestStore();
  const trainer = await openTestRelearn(place);
  await trainer.train();
  const clock = createManualClock();
  const lines: string[] = [];
  let gate = () => Promise.resolve();
  const server = await openTestRelearn(place, {
    clock,
    store: gated(place.store, () => gate()),
    log: (_level, message) => lines.push(message),
  });
  opened.push(trainer, server);
  const picture = await greyJpeg(0);
  const answer = async () => (await server.predict(picture)).version;
  expect(await answer()).toBe(1);
  await trainer.train();
  return {
    clock,
    answer,
    lines,
    readiness: () => server.readiness(),
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

describe('a storage that hangs', () => {
  it('keeps no request of a process that was awake waiting', async () => {
    const { clock, answer, readiness, setGate } = await setUp();
    setGate(never);
    for (let second = 0; second < 20; second++) {
      await clock.advance(1_000);
      expect(await answer()).toBe(1);
    }
    expect(await readiness()).toEqual({ ready: true, reason: null });
  });

  it('keeps a request of a process that stood still waiting for two seconds, once', async () => {
    const { clock, answer, setGate } = await setUp();
    setGate(never);
    await clock.advance(3_600_000);
    let version: number | undefined;
    const answered = answer().then((got) => {
      version = got;
    });
    await clock.advance(1_900);
    expect(version).toBeUndefined();
    await clock.advance(100);
    await answered;
    expect(version).toBe(1);
    expect(await answer()).toBe(1);
  });

  it('is told of once, and so is its return', async () => {
    const { clock, answer, lines, setGate } = await setUp();
    const before = lines.length;
    setGate(() => Promise.reject(new Error('away')));
    for (let second = 0; second < 3; second++) await clock.advance(1_000);
    setGate(() => Promise.resolve());
    for (let second = 0; second < 3; second++) await clock.advance(1_000);
    await until(async () => (await answer()) === 2);
    expect(lines.slice(before)).toEqual([
      'The store can not be read; whatever model is loaded goes on answering.',
      'The store can be read again.',
      'Version 2 answers now.',
    ]);
  });
});

const until = (isTrue: () => Promise<boolean>) => expect.poll(isTrue, { interval: 20 }).toBe(true);
