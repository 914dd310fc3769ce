/**
 * What Relearn did not write under `feedback/`: a picture that somebody put there becomes an item of
 * the label that its folder is for, whatever its name; what the store has already is removed; anything
 * else goes to quarantine with its reason. Each is removed where it lay only after what becomes of it
 * is there, and a picture that lies under its item's own name is replaced by the item at one stroke.
 */

import { RelearnError } from '../../base/errors.ts';
import { forEachTogether } from '../../base/for-each-together.ts';
import { sha256 } from '../../base/hash.ts';
import {
  encodeFeedbackItem,
  isFeedbackItem,
  itemFault,
  wrongName,
} from '../../records/feedback-item.ts';
import { feedbackFolderOf, feedbackKey, feedbackPrefix, parseItemKey } from '../../records/keys.ts';
import { findFolderLabel } from '../../records/resolve-label.ts';
import { largestForeign, readMisnamed } from '../../registry/read-misnamed.ts';
import type { MisnamedObject, ObjectInfo, ObjectStore } from '../../storage/object-store.ts';
import type { Components } from '../components.ts';
import { isArchived } from './archive-consumed.ts';
import { recordRenewal } from './latest-answer.ts';
import {
  deleteAsRead,
  foundAt,
  type Occasion,
  returnKeyOf,
  setAside,
  whyNotLearnt,
} from './quarantine.ts';
import { standingOf } from './standing.ts';

/** No door takes larger pictures either. */
const largestPicture = 16 * 1024 * 1024;

/** A bucket answers in tens of milliseconds; pictures that are too large are held in memory too. */
const lookedAtTogether = 8;
const itemsReadTogether = 16;

interface Parts
  extends Occasion,
    Pick<Components, 'registry' | 'basePictures' | 'toFeedbackItem'> {}

type Found = Omit<MisnamedObject, 'fault' | 'remove'> & {
  /** Only while it is what was read. */
  remove(read: Uint8Array): Promise<void>;
};

const objectAt = (store: ObjectStore, { key, size, modifiedAt }: ObjectInfo): Found => ({
  name: key,
  size,
  modifiedAt,
  read: () => store.get(key),
  remove: (read) => deleteAsRead(store, key, read),
});

const baseRow = async ({ basePictures, registry }: Parts, hash: string) =>
  (await basePictures.at(registry.state)).get(hash);

/**
 * Larger objects stay where they are: status and fsck tell of them.
 * @returns the key of the item that it has become
 */
const takeIn = async (parts: Parts, found: Found): Promise<string | undefined> => {
  const { store, clock, settings, toFeedbackItem } = parts;
  const { name, modifiedAt } = found;
  const bytes = found.size <= largestForeign ? await found.read() : undefined;
  if (!bytes) return undefined;
  const remove = () => found.remove(bytes);
  const refuse = async (reason: string): Promise<undefined> => {
    await setAside(parts, { name, remove }, bytes, reason);
  };
  const label = findFolderLabel(settings, feedbackFolderOf(name));
  if (label === undefined) return refuse('under no label');
  if (bytes.length > largestPicture) return refuse('larger than 16 MiB');
  if (isFeedbackItem(bytes)) return refuse(wrongName);

  const answer = { labelId: label.id, sha256: sha256(bytes) };
  const key = feedbackKey(answer.labelId, answer.sha256);
  const base = await baseRow(parts, answer.sha256);
  const isThere = async () =>
    (name !== key && (await settle(parts, await store.head(key))) === key) ||
    isArchived(store, answer);
  const standing = await standingOf(parts, answer, base, isThere);
  if (standing === 'judges') return refuse(whyNotLearnt(base) ?? '');
  const given = { at: Math.min(modifiedAt, clock.now()), source: 'store' };
  if (standing === 'again') await recordRenewal(store, answer, given);
  if (standing !== 'new') {
    await remove();
    return undefined;
  }
  try {
    const item = encodeFeedbackItem(
      await toFeedbackItem(bytes, {
        labelId: answer.labelId,
        receivedAt: new Date(given.at).toISOString(),
        source: given.source,
      }),
    );
    if (name === key) {
      await store.put(key, item);
      return key;
    }
    await store.putIfAbsent(key, item);
    // Something else may lie there since: then both wait for the next look.
    const there = await store.get(key);
    if (!there || itemFault(there, key, answer) !== undefined) return undefined;
    await remove();
    return key;
  } catch (error) {
    if (!(error instanceof RelearnError) || error.kind !== 'invalid') throw error;
    return refuse(error.code);
  }
};

/**
 * Makes sure that nothing but the item lies under an item's name.
 * @returns the key of the item that lies there, or of the one that the picture there has become
 */
const settle = async (parts: Parts, info: ObjectInfo | undefined): Promise<string | undefined> => {
  const { store } = parts;
  const item = info && parseItemKey(info.key);
  const bytes = item && info.size <= largestForeign ? await store.get(info.key) : undefined;
  if (!item || !bytes) return undefined;
  const { key } = info;
  if (isFeedbackItem(bytes)) {
    const fault = itemFault(bytes, key, item) ?? whyNotLearnt(await baseRow(parts, item.sha256));
    if (!fault) return key;
    await setAside(parts, foundAt(store, key, bytes), bytes, fault);
    return undefined;
  }
  if (sha256(bytes) === item.sha256) return takeIn(parts, objectAt(store, info));
  // Out of the way first: the item that has this name may be among the others.
  const aside = returnKeyOf(parts.settings, key, bytes);
  await store.putIfAbsent(aside, bytes);
  await deleteAsRead(store, key, bytes);
  return takeIn(parts, { ...objectAt(store, { ...info, key: aside }), name: key });
};

/** Looks at what has no item's name. */
export const takeInForeign = async (parts: Parts): Promise<void> => {
  const { store } = parts;
  const { objects } = await readMisnamed(store);
  await forEachTogether(objects, lookedAtTogether, (found) => takeIn(parts, found));
  const isItem = (key: string) =>
    parts.settings.labelIds.includes(parseItemKey(key)?.labelId ?? '');
  const foreign: ObjectInfo[] = [];
  for await (const info of store.list(feedbackPrefix)) if (!isItem(info.key)) foreign.push(info);
  await forEachTogether(foreign, lookedAtTogether, (info) => takeIn(parts, objectAt(store, info)));
};

/**
 * Looks at what has the name of an item: it may be a picture, or damaged.
 * @returns the keys of the sound items. What comes later waits for the next look.
 */
export const settleItems = async (parts: Parts): Promise<ReadonlySet<string>> => {
  const items: ObjectInfo[] = [];
  for await (const info of parts.store.list(feedbackPrefix))
    if (parseItemKey(info.key)) items.push(info);
  const sound = new Set<string>();
  await forEachTogether(items, itemsReadTogether, async (info) => {
    const key = await settle(parts, info);
    if (key !== undefined) sound.add(key);
  });
  return sound;
};
