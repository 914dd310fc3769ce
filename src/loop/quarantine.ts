/** Sets an object aside with the reason, in an order in which a crash leaves a copy and never a hole. */
import type { Clock } from '../base/clock.ts';
import { sha256 } from '../base/hash.ts';
import { encodeJson } from '../records/json-object.ts';
import { quarantineKey, quarantineNoteKey } from '../records/keys.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/** @param reason for people: what is wrong with it */
export const quarantine = async (
  { store, clock }: { readonly store: ObjectStore; readonly clock: Clock },
  key: string,
  bytes: Uint8Array,
  reason: string,
): Promise<void> => {
  const hash = sha256(bytes);
  const note = { formatVersion: 1, key, reason, at: new Date(clock.now()).toISOString() };
  await store.putIfAbsent(quarantineKey(hash), bytes);
  await store.put(quarantineNoteKey(hash), encodeJson(note));
  await store.delete(key);
};
