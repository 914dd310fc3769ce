/**
 * One set of objects, and the store as each process sees it: every call is an event of the world,
 * with a fate of its own. Lists come in pages, between which anything may happen.
 */
import { RelearnError } from '../../src/base/errors.ts';
import type { ObjectInfo, ObjectStore } from '../../src/storage/object-store.ts';
import { type CallKind, drawFate, type Fate, type FaultName } from './faults.ts';
import { type VirtualProcess, type World, worldBegin } from './virtual-time.ts';

export interface StoredObject {
  readonly bytes: Uint8Array;
  /** Milliseconds since 1970, by the storage's clock. */
  readonly modifiedAt: number;
}

/** Told of every change, once it is made. */
export interface Observer {
  onWrite(key: string, bytes: Uint8Array, before: StoredObject | undefined, by: string): void;
  onDelete(key: string, before: StoredObject, by: string): void;
}

/** The objects themselves; calls take effect at once. */
export interface Objects {
  readonly map: Map<string, StoredObject>;
  write(key: string, bytes: Uint8Array, by: string): void;
  remove(key: string, by: string): void;
  page(prefix: string, startAfter: string, size: number): ObjectInfo[];
}

export const createObjects = (
  initial: ReadonlyMap<string, StoredObject>,
  now: () => number,
  observer: () => Observer | undefined,
): Objects => {
  const map = new Map(initial);
  return {
    map,
    write: (key, bytes, by) => {
      const before = map.get(key);
      map.set(key, { bytes, modifiedAt: worldBegin + now() });
      observer()?.onWrite(key, bytes, before, by);
    },
    remove: (key, by) => {
      const before = map.get(key);
      if (!map.delete(key) || !before) return;
      observer()?.onDelete(key, before, by);
    },
    page: (prefix, startAfter, size) =>
      [...map.keys()]
        .filter((key) => key > startAfter && key.startsWith(prefix))
        .sort()
        .slice(0, size)
        .map((key) => {
          const { bytes, modifiedAt } = map.get(key) as StoredObject;
          return { key, size: bytes.length, modifiedAt };
        }),
  };
};

/** The store without faults, events or time: for setting up and for checks. */
export const directStore = (objects: Objects, location = 'memory:direct'): ObjectStore => ({
  location,
  get: async (key) => objects.map.get(key)?.bytes,
  head: async (key) => objects.page(key, '', 1).find((info) => info.key === key),
  put: async (key, bytes) => objects.write(key, bytes, 'the world'),
  putIfAbsent: async (key, bytes) => {
    if (objects.map.has(key)) return 'exists';
    objects.write(key, bytes, 'the world');
    return 'created';
  },
  async *list(prefix, { startAfter = '', limit = Number.POSITIVE_INFINITY } = {}) {
    yield* objects.page(prefix, startAfter, limit);
  },
  delete: async (key) => objects.remove(key, 'the world'),
});

const errorOf = (kind: CallKind, key: string, error: 'refused' | 'unknown'): RelearnError =>
  error === 'unknown' && kind === 'putIfAbsent'
    ? new RelearnError('unavailable', 'ambiguous_write', `It is not known whether ${key} exists.`)
    : new RelearnError('unavailable', 'storage_unavailable', `No answer: ${kind} ${key}.`);

export interface StoreView {
  /** Part of calls that meet a fault, 0..1. */
  faultRate(): number;
  onFault(kind: CallKind, fault: FaultName): void;
  onCrash(): void;
}

/** Objects of a list's page. */
const pageSizes = [1, 3, 1_000];

/** The store as a process sees it. */
export const viewOf = (
  world: World,
  objects: Objects,
  process: VirtualProcess,
  { faultRate, onFault, onCrash }: StoreView,
  location: string,
): ObjectStore => {
  const { random } = world;

  const crash = () => {
    if (!process.alive) return;
    world.kill(process);
    onCrash();
  };

  const carryOut = <T>(
    fate: Fate,
    effect: () => T,
    answer: (value: T | undefined) => void,
  ): void => {
    const pause = fate.pause?.when;
    const stop = () => {
      const until = world.now + (fate.pause?.milliseconds ?? 0);
      process.pausedUntil = Math.max(process.pausedUntil, until);
    };
    if (fate.crash === 'before') {
      crash();
      return;
    }
    if (pause === 'before') stop();
    const { effectAfter, answerAfter } = fate;
    let value: T | undefined;
    const answerIn = (delay: number) => world.schedule(delay, () => answer(value), process);
    const answersEffect = effectAfter !== null && answerAfter !== null && answerAfter > effectAfter;
    if (answerAfter !== null && !answersEffect) answerIn(answerAfter);
    if (effectAfter === null) return;
    const take = () => {
      value = effect();
      if (fate.crash === 'after') crash();
      if (pause === 'after') stop();
      if (answersEffect) answerIn(answerAfter - effectAfter);
    };
    // What has left the process lands whatever becomes of it; what has not waits until it goes on.
    world.schedule(effectAfter, take, pause === 'before' ? process : undefined);
  };

  const call = <T>(kind: CallKind, key: string, effect: () => T): Promise<T> =>
    new Promise((resolve, reject) => {
      if (!process.alive) return;
      const { fate, fault } = drawFate(random, kind, faultRate());
      world.note(`${process.name} ${kind} ${key}${fault ? ` ! ${fault}` : ''}`);
      if (fault) onFault(kind, fault);
      if (fate.clockJump !== undefined) process.offset = fate.clockJump;
      const echoing = () => {
        const first = effect();
        return fate.echo ? effect() : first;
      };
      carryOut(fate, echoing, (value) => {
        if (fate.error) reject(errorOf(kind, key, fate.error));
        else resolve(value as T);
      });
    });

  const create = (key: string, bytes: Uint8Array): 'created' | 'exists' => {
    if (objects.map.has(key)) return 'exists';
    objects.write(key, bytes, process.name);
    return 'created';
  };

  return {
    location,
    get: (key) => call('get', key, () => objects.map.get(key)?.bytes.slice()),
    head: (key) =>
      call('head', key, () => {
        const found = objects.map.get(key);
        return found && { key, size: found.bytes.length, modifiedAt: found.modifiedAt };
      }),
    put: (key, bytes) => call('put', key, () => objects.write(key, bytes, process.name)),
    putIfAbsent: (key, bytes) => call('putIfAbsent', key, () => create(key, bytes)),
    delete: (key) => call('delete', key, () => objects.remove(key, process.name)),
    async *list(prefix, { startAfter = '', limit = Number.POSITIVE_INFINITY } = {}) {
      const size = pageSizes[random.integer(pageSizes.length)] ?? 1;
      let after = startAfter;
      for (let left = limit; left > 0; ) {
        const page = await call('list', prefix, () =>
          objects.page(prefix, after, Math.min(size, left)),
        );
        yield* page;
        left -= page.length;
        if (page.length < size) return;
        after = page.at(-1)?.key ?? after;
      }
    },
  };
};
