/**
 * Moves feedback that the champion's lineage has learnt from out of `feedback/`. The log decides
 * what is consumed; this only tidies up, so it can be stopped, repeated or left out without harm.
 */
import { forEachTogether } from '../../base/for-each-together.ts';
import { sha256 } from '../../base/hash.ts';
import { isFeedbackItem, itemFault, wrongName } from '../../records/feedback-item.ts';
import { archiveKey, feedbackLabelPrefix, parseItemKey } from '../../records/keys.ts';
import { lineageManifests } from '../../registry/feedback-index.ts';
import type { RegistryState } from '../../registry/registry-state.ts';
import { listKeys, type ObjectStore } from '../../storage/object-store.ts';
import type { Components } from '../components.ts';
import { type Answer, isItemAt } from './standing.ts';

/** A bucket answers in tens of milliseconds; one by one, thousands of items would take minutes. */
const movedTogether = 16;

type Parts = Pick<Components, 'settings' | 'store' | 'feedbackQuery'>;

/** Items that the champion's lineage has learnt from, as `label/hash`. */
export const consumedNames = async (
  parts: Parts,
  state: RegistryState,
): Promise<ReadonlySet<string>> => {
  const { readManifest } = parts.feedbackQuery(state);
  const names = new Set<string>();
  for (const ref of lineageManifests(state, state.champion)) {
    for (const row of (await readManifest(ref)).feedback) names.add(`${row.labelId}/${row.sha256}`);
  }
  return names;
};

/**
 * Whether the archive holds this item, whole. The copy may have other bytes than one elsewhere: the
 * same answer on the same picture may have come twice.
 */
export const isArchived = (store: ObjectStore, item: Answer): Promise<boolean> =>
  isItemAt(store, archiveKey(item.labelId, item.sha256), item);

/**
 * Whether nothing is lost with what lies under the item's name in `feedback/`, once the archive holds
 * the item: somebody may have put another picture there.
 */
export const isSpareCopy = async (
  store: ObjectStore,
  key: string,
  item: Answer,
): Promise<boolean> => {
  const bytes = await store.get(key);
  if (!bytes) return false;
  return isFeedbackItem(bytes)
    ? itemFault(bytes, key, item) !== wrongName
    : sha256(bytes) === item.sha256;
};

/** Copy, look at the copy, then delete: a crash leaves a second copy, never a hole. */
const moveToArchive = async ({ store }: Parts, key: string, item: Answer): Promise<boolean> => {
  if (await isArchived(store, item)) {
    if (!(await isSpareCopy(store, key, item))) return false;
  } else {
    const bytes = await store.get(key);
    if (!bytes || itemFault(bytes, key, item) !== undefined) return false;
    await store.put(archiveKey(item.labelId, item.sha256), bytes);
    if (!(await isArchived(store, item))) return false;
  }
  await store.delete(key);
  return true;
};

/** @returns how many items it moved */
export const archiveConsumed = async (parts: Parts, state: RegistryState): Promise<number> => {
  const consumed = await consumedNames(parts, state);
  if (consumed.size === 0) return 0;
  let moved = 0;
  const moveConsumed = async (key: string): Promise<void> => {
    const item = parseItemKey(key);
    if (!item || !consumed.has(`${item.labelId}/${item.sha256}`)) return;
    if (await moveToArchive(parts, key, item)) moved++;
  };
  for (const labelId of parts.settings.labelIds) {
    const keys = listKeys(parts.store, feedbackLabelPrefix(labelId));
    await forEachTogether(keys, movedTogether, moveConsumed);
  }
  return moved;
};
