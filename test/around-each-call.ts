/** A store whose calls a test counts, delays or cuts off. A list is one call, at its start. */
import type { ObjectStore } from '../src/storage/object-store.ts';

export type Around = <T>(call: () => Promise<T>) => Promise<T>;

/** @param around makes the call that it is given, or does not */
export const aroundEachCall = (store: ObjectStore, around: Around): ObjectStore => ({
  location: store.location,
  get: (key) => around(() => store.get(key)),
  head: (key) => around(() => store.head(key)),
  put: (key, bytes) => around(() => store.put(key, bytes)),
  putIfAbsent: (key, bytes) => around(() => store.putIfAbsent(key, bytes)),
  delete: (key) => around(() => store.delete(key)),
  async *list(prefix, options) {
    await around(async () => undefined);
    yield* store.list(prefix, options);
  },
  async *misnamed(prefix) {
    for await (const found of store.misnamed?.(prefix) ?? []) {
      const { read, remove } = found;
      yield { ...found, read: () => around(read), remove: () => around(remove) };
    }
  },
});
