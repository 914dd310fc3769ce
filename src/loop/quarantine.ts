/** Sets an object aside with the reason, in an order in which a crash leaves a copy and never a hole. */
import { sha256 } from '../base/hash.ts';
import { feedbackPrefix, quarantineKey, quarantineNoteKey } from '../records/keys.ts';
import { encodeQuarantineNote } from '../records/quarantine-note.ts';
import type { Lease } from '../registry/lease.ts';
import { failuresInARow } from '../registry/registry-state.ts';
import { isKey } from '../storage/object-key.ts';
import type { MisnamedObject, ObjectStore } from '../storage/object-store.ts';
import type { Components } from './components.ts';

/** The training for which feedback is looked through. */
export interface Occasion extends Pick<Components, 'store' | 'clock' | 'log'> {
  /** Of its lease. */
  readonly epoch: number;
  /** Trainings in a row before it that came to nothing. */
  readonly failures: number;
}

export const occasionOf = (
  { store, clock, log, registry }: Pick<Components, 'store' | 'clock' | 'log' | 'registry'>,
  { epoch }: Lease,
): Occasion => ({ store, clock, log, epoch, failures: failuresInARow(registry.state) });

/** An object as somebody left it; its name may be no key of the store. */
type FoundObject = Pick<MisnamedObject, 'name' | 'remove'>;

export const foundAt = (store: ObjectStore, key: string): FoundObject => ({
  name: key,
  remove: () => store.delete(key),
});

/** A part of a name without what a key must not hold, short enough to stand behind a hash. */
const asKeySegment = (part: string): string =>
  part
    .replace(/^\.|[\\\p{Cc}\p{Cs}\uFFFD]/gu, (odd) => `%${odd.charCodeAt(0).toString(16)}`)
    .slice(0, 40);

/** What has no key gets one below the same label, where the next training finds it. */
const returnKeyOf = (name: string, hash: string): string => {
  if (isKey(name)) return name;
  const parts = name.slice(feedbackPrefix.length).split('/');
  const file = `${hash}.${asKeySegment(parts.at(-1) ?? '')}`;
  const key = `${feedbackPrefix}${parts[0]}/${file}`;
  return isKey(key) ? key : `${feedbackPrefix}${file}`;
};

/** @param reason for people: what is wrong with it */
export const setAside = async (
  { store, clock, log, epoch, failures }: Occasion,
  { name, remove }: FoundObject,
  bytes: Uint8Array,
  reason: string,
): Promise<void> => {
  const hash = sha256(bytes);
  const at = new Date(clock.now()).toISOString();
  const returnKey = returnKeyOf(name, hash);
  const quarantined = quarantineKey(returnKey, hash, epoch);
  // The note first: bytes without one would belong nowhere.
  await store.put(
    quarantineNoteKey(quarantined),
    encodeQuarantineNote({
      formatVersion: 1,
      key: name,
      reason,
      at,
      failures,
      sha256: hash,
      returnKey,
    }),
  );
  await store.putIfAbsent(quarantined, bytes);
  await remove();
  log('warn', `${JSON.stringify(name)} was set aside: ${reason}.`, { key: name, reason });
};
