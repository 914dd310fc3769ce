/**
 * Moves feedback that the champion's lineage has learnt from out of `feedback/`. The log decides
 * what is consumed; this only tidies up, so it can be stopped, repeated or left out without harm.
 */
import { forEachTogether } from '../base/for-each-together.ts';
import { sha256 } from '../base/hash.ts';
import { archiveKey, feedbackLabelPrefix, parseItemKey } from '../records/keys.ts';
import { lineageManifests } from '../registry/feedback-index.ts';
import type { RegistryState } from '../registry/registry-state.ts';
import { listKeys } from '../storage/object-store.ts';
import type { Components } from './components.ts';

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

/** Copy, look at the copy, then delete: a crash leaves a second copy, never a hole. */
const moveToArchive = async ({ store }: Parts, key: string, target: string): Promise<boolean> => {
  const bytes = await store.get(key);
  if (!bytes) return false;
  await store.putIfAbsent(target, bytes);
  const copy = await store.get(target);
  if (!copy || sha256(copy) !== sha256(bytes)) return false;
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
    if (await moveToArchive(parts, key, archiveKey(item.labelId, item.sha256))) moved++;
  };
  for (const labelId of parts.settings.labelIds) {
    const keys = listKeys(parts.store, feedbackLabelPrefix(labelId));
    await forEachTogether(keys, movedTogether, moveConsumed);
  }
  return moved;
};
