/** Uploads what is named by its content: where the object is there already, it only has to be whole. */
import { sha256 } from '../base/hash.ts';
import type { ObjectRef } from '../records/json-object.ts';
import type { ObjectStore } from '../storage/object-store.ts';

export const uploadByContent = async (
  store: ObjectStore,
  key: string,
  bytes: Uint8Array,
): Promise<ObjectRef> => {
  const hash = sha256(bytes);
  if ((await store.putIfAbsent(key, bytes)) === 'exists') {
    const there = await store.get(key);
    if (!there || sha256(there) !== hash) await store.put(key, bytes);
  }
  return { key, sha256: hash };
};
