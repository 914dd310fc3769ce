/** A store in memory, for tests and simulations: the contract without a disk. */
import { checkKey, comesAfter, sortKeys } from './object-key.ts';
import type { ObjectStore } from './object-store.ts';

export interface MemoryStoreOptions {
  /** Milliseconds since 1970, for `modifiedAt`. Default: a counter. */
  now?(): number;
  readonly location?: string;
}

interface StoredObject {
  readonly bytes: Uint8Array;
  readonly modifiedAt: number;
}

/** Not `slice`: that of a Buffer is a view. */
const copyOf = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

export const createMemoryStore = (options: MemoryStoreOptions = {}): ObjectStore => {
  let writes = 0;
  const now = options.now ?? (() => ++writes);
  const objects = new Map<string, StoredObject>();
  const infoOf = (key: string, { bytes, modifiedAt }: StoredObject) => ({
    key,
    size: bytes.length,
    modifiedAt,
  });
  const write = (key: string, bytes: Uint8Array) =>
    objects.set(key, { bytes: copyOf(bytes), modifiedAt: now() });

  return {
    location: options.location ?? 'memory:',
    async get(key) {
      checkKey(key);
      const found = objects.get(key);
      return found && copyOf(found.bytes);
    },
    async head(key) {
      checkKey(key);
      const found = objects.get(key);
      return found && infoOf(key, found);
    },
    async put(key, bytes) {
      checkKey(key);
      write(key, bytes);
    },
    async putIfAbsent(key, bytes) {
      checkKey(key);
      if (objects.has(key)) return 'exists';
      write(key, bytes);
      return 'created';
    },
    async *list(prefix, { startAfter = '', limit = Number.POSITIVE_INFINITY } = {}) {
      const keys = sortKeys(
        [...objects.keys()].filter((key) => key.startsWith(prefix) && comesAfter(key, startAfter)),
      );
      let listed = 0;
      for (const key of keys) {
        if (listed >= limit) return;
        const found = objects.get(key);
        if (!found) continue; // deleted while the caller looked at the ones before
        listed++;
        yield infoOf(key, found);
      }
    },
    async delete(key) {
      checkKey(key);
      objects.delete(key);
    },
  };
};
