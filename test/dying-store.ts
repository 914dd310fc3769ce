/** Processes that die in the middle of their work, for tests of what they leave behind. */
import type { ObjectStore } from '../src/storage/object-store.ts';

class Dead extends Error {}

/** The store as a process sees it that dies at its `last` call: before it lands, or just after. */
export const dyingStore = (store: ObjectStore, last: number, when: 'before' | 'after') => {
  let calls = 0;
  const step = async <T>(call: () => Promise<T>): Promise<T> => {
    calls++;
    if (calls > last || (calls === last && when === 'before')) throw new Dead();
    const result = await call();
    if (calls >= last) throw new Dead();
    return result;
  };
  const dying: ObjectStore = {
    location: store.location,
    get: (key) => step(() => store.get(key)),
    head: (key) => step(() => store.head(key)),
    put: (key, bytes) => step(() => store.put(key, bytes)),
    putIfAbsent: (key, bytes) => step(() => store.putIfAbsent(key, bytes)),
    delete: (key) => step(() => store.delete(key)),
    async *list(prefix, options) {
      await step(async () => undefined);
      yield* store.list(prefix, options);
    },
  };
  return { dying, isDead: () => calls >= last };
};
