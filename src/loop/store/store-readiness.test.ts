import { expect, it } from 'vitest';
import { createManualClock } from '../../../test/contracts/manual-clock.ts';
import { RelearnError } from '../../base/errors.ts';
import { openRegistryLog } from '../../registry/registry-log.ts';
import { createMemoryStore } from '../../storage/memory.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { createStoreReadiness } from './store-readiness.ts';

/** A store whose calls pass `gate` first, and how many there were of each. */
const setUp = () => {
  const memory = createMemoryStore();
  const clock = createManualClock();
  const calls = { get: 0, put: 0, delete: 0 };
  const lines: string[] = [];
  let gate = (_call: keyof typeof calls): Promise<void> => Promise.resolve();
  const passing = async (call: keyof typeof calls) => {
    calls[call]++;
    await gate(call);
  };
  const store: ObjectStore = {
    ...memory,
    get: (key) => passing('get').then(() => memory.get(key)),
    put: (key, bytes) => passing('put').then(() => memory.put(key, bytes)),
    delete: (key) => passing('delete').then(() => memory.delete(key)),
  };
  let ids = 0;
  const newId = () => `id-${++ids}`;
  const registry = openRegistryLog(store, { clock, newId });
  const log = (_level: string, message: string) => void lines.push(message);
  return {
    memory,
    clock,
    calls,
    lines,
    readiness: createStoreReadiness({ store, registry, clock, newId, log }),
    setGate: (next: typeof gate) => {
      gate = next;
    },
  };
};

const refused = (code: string) => () => Promise.reject(new RelearnError('unavailable', code, code));
const hangs = () => new Promise<void>(() => {});

it('is good where the store can be read and written, and leaves nothing there', async () => {
  const { readiness, memory } = setUp();
  expect(await readiness()).toBeNull();
  for await (const { key } of memory.list('')) throw new Error(`left ${key}`);
});

it('writes a few times a minute, however often it is asked', async () => {
  const { readiness, clock, calls } = setUp();
  for (let second = 0; second < 60; second++) {
    for (let time = 0; time < 10; time++) expect(await readiness()).toBeNull();
    await clock.advance(1_000);
  }
  expect(calls.put).toBeLessThanOrEqual(7);
  expect(calls.delete).toBe(calls.put);
});

it.each<[string, 'get' | 'put' | 'delete']>([
  ['storage_unavailable', 'get'],
  ['storage_read_only', 'put'],
  ['storage_full', 'put'],
  ['storage_read_only', 'delete'],
  ['storage_credentials_expired', 'get'],
])('says %s where %s is refused, and recovers within seconds', async (code, call) => {
  const { readiness, clock, lines, setGate } = setUp();
  expect(await readiness()).toBeNull();
  setGate((made) => (made === call ? refused(code)() : Promise.resolve()));
  await clock.advance(10_000);
  await readiness(); // begins the look in the background
  await clock.advance(0);
  expect(await readiness()).toBe(code);
  setGate(() => Promise.resolve());
  await clock.advance(3_000);
  await readiness();
  await clock.advance(0);
  expect(await readiness()).toBeNull();
  expect(lines).toEqual([
    'The store can not be read and written.',
    'The store can be read and written again.',
  ]);
});

it('holds a good answer no longer than twenty seconds against a store that hangs', async () => {
  const { readiness, clock, setGate } = setUp();
  expect(await readiness()).toBeNull();
  setGate(hangs);
  await clock.advance(19_000);
  expect(await readiness()).toBeNull();
  await clock.advance(1_000);
  const late = Symbol('no answer');
  expect(await Promise.race([readiness(), clock.advance(100).then(() => late)])).toBe(late);
});
