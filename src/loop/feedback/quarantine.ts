/** Sets an object aside with the reason, in an order in which a crash leaves a copy and never a hole. */
import { sha256 } from '../../base/hash.ts';
import { isFeedbackItem } from '../../records/feedback-item.ts';
import type { ImportRow } from '../../records/import-manifest.ts';
import {
  feedbackFolderOf,
  feedbackPrefix,
  isOwnName,
  parseItemKey,
  quarantineKey,
  quarantineNoteKey,
} from '../../records/keys.ts';
import { encodeQuarantineNote } from '../../records/quarantine-note.ts';
import { rejectionInWords } from '../../records/rejection-words.ts';
import { findFolderLabel } from '../../records/resolve-label.ts';
import type { Settings } from '../../records/settings.ts';
import type { Lease } from '../../registry/lease.ts';
import { failuresInARow } from '../../registry/registry-state.ts';
import { isKey } from '../../storage/object-key.ts';
import type { MisnamedObject, ObjectStore } from '../../storage/object-store.ts';
import type { Components } from '../components.ts';

/** The training for which feedback is looked through. */
export interface Occasion extends Pick<Components, 'store' | 'settings' | 'clock' | 'log'> {
  /** Of its lease. */
  readonly epoch: number;
  /** Trainings in a row before it that came to nothing. */
  readonly failures: number;
}

export const occasionOf = (
  { registry, ...parts }: Pick<Components, 'store' | 'settings' | 'clock' | 'log' | 'registry'>,
  { epoch }: Lease,
): Occasion => ({ ...parts, epoch, failures: failuresInARow(registry.state) });

/** An object as somebody left it; its name may be no key of the store. */
type FoundObject = Pick<MisnamedObject, 'name' | 'remove'>;

/**
 * Deletes what was read before, and nothing else: a training that was asleep may come late, after
 * another one has set the object aside and a person has sent it again, whole.
 */
export const deleteAsRead = async (
  store: ObjectStore,
  key: string,
  read: Uint8Array,
): Promise<void> => {
  const bytes = await store.get(key);
  if (bytes && sha256(bytes) === sha256(read)) await store.delete(key);
};

/** @param bytes what was read there */
export const foundAt = (store: ObjectStore, key: string, bytes: Uint8Array): FoundObject => ({
  name: key,
  remove: () => deleteAsRead(store, key, bytes),
});

/** A part of a name in letters that a key may have, short enough to stand beside a hash. */
const asKeySegment = (part: string): string =>
  part
    .toLowerCase()
    .replace(/[^a-z0-9_.-]+/g, '-')
    .replace(/^[-.]+/, '')
    .slice(0, 40);

/**
 * The name under which something comes back: its own where Relearn may give such a one, else one made
 * from its hash in the same folder, where the next training finds it. The name of an item is kept for
 * what is that item, or a damaged one.
 */
export const returnKeyOf = (settings: Settings, name: string, bytes: Uint8Array): string => {
  const hash = sha256(bytes);
  const item = parseItemKey(name);
  const isItsOwn = !item || item.sha256 === hash || isFeedbackItem(bytes);
  if (isItsOwn && isOwnName(name) && isKey(name)) return name;
  const folder = feedbackFolderOf(name);
  const label = findFolderLabel(settings, folder);
  const file = [hash, asKeySegment(name.split('/').at(-1) ?? '')].filter((part) => part !== '');
  const place = label?.id ?? asKeySegment(folder);
  return `${feedbackPrefix}${place === '' ? '' : `${place}/`}${file.join('.')}`;
};

/** Pictures that judge models must not train them, however they came to lie among the feedback. */
export const whyNotLearnt = (base: Pick<ImportRow, 'split'> | undefined): string | undefined =>
  base === undefined || base.split === 'train'
    ? undefined
    : `belongs to the ${base.split} part of the base data`;

/** @param reason for people: what is wrong with it */
export const setAside = async (
  { store, settings, clock, log, epoch, failures }: Occasion,
  { name, remove }: FoundObject,
  bytes: Uint8Array,
  reason: string,
): Promise<void> => {
  const hash = sha256(bytes);
  const at = new Date(clock.now()).toISOString();
  const returnKey = returnKeyOf(settings, name, bytes);
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
  log('warn', `${JSON.stringify(name)} was set aside: ${rejectionInWords(reason)}.`, {
    key: name,
    reason,
  });
};
