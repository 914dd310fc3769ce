/** What time it is by the storage's own clock, which dates its objects. This machine's may differ. */
import { probeKey } from '../records/keys.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/**
 * Writes a small object, looks at its date and removes it.
 * @param id used for nothing else
 * @returns milliseconds since 1970; undefined where somebody removed the object at once
 */
export const storageTime = async (store: ObjectStore, id: string): Promise<number | undefined> => {
  const key = probeKey(id);
  await store.put(key, new Uint8Array());
  const now = await store.head(key);
  await store.delete(key);
  return now?.modifiedAt;
};
