/**
 * Proves at start-up that a store keeps the promises the log rests on. A store that overwrites
 * where it should refuse would let two trainers publish over each other, silently.
 */
import { RelearnError } from '../base/errors.ts';
import type { ObjectStore } from './object-store.ts';

const refuse = (code: string, message: string, hint: string): RelearnError =>
  new RelearnError('unavailable', code, message, { hint });

const keys = async (store: ObjectStore, prefix: string): Promise<string[]> => {
  const found: string[] = [];
  for await (const { key } of store.list(prefix)) found.push(key);
  return found;
};

/**
 * Writes one small object twice, looks for it in a list and removes it.
 * @param key a new one, used for nothing else
 * @throws RelearnError unavailable/`storage_ignores_conditions`, unavailable/`storage_list_incomplete`
 * and the store's own, such as unavailable/`storage_read_only`
 */
export const probeStore = async (store: ObjectStore, key: string): Promise<void> => {
  const first = new TextEncoder().encode('first');
  try {
    // "Exists" may be the echo of this very write; what lies there tells.
    await store.putIfAbsent(key, first);
    const again = await store.putIfAbsent(key, new TextEncoder().encode('second'));
    const kept = await store.get(key);
    if (again !== 'exists' || !kept || !Buffer.from(first).equals(kept)) {
      const reason = await store.whyUnfit?.();
      if (reason) throw reason;
      throw refuse(
        'storage_ignores_conditions',
        `The store at ${store.location} overwrites an object that must not be replaced.`,
        'Use a store that supports create-only writes (If-None-Match on a put).',
      );
    }
    if (!(await keys(store, key)).includes(key)) {
      throw refuse(
        'storage_list_incomplete',
        `The store at ${store.location} does not list an object that it has just stored.`,
        'Use a store with consistent lists.',
      );
    }
  } finally {
    await store.delete(key).catch(() => {});
  }
};
