/** What an answer about a picture is to those that came before it. */
import { itemFault } from '../../records/feedback-item.ts';
import type { ImportRow } from '../../records/import-manifest.ts';
import { archiveKey, feedbackKey } from '../../records/keys.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { Components } from '../components.ts';
import { latestAnswer } from './latest-answer.ts';

/**
 * `judges`: the picture belongs to the holdout or validation part, which must never be trained on.
 * `known`: it teaches nothing new, because it is the latest answer already. `again`: it was given
 * before, and another one since. Everything else is `new`; of a base picture of the train part that
 * is a correction, or the way back from one.
 */
export type Standing = 'new' | 'again' | 'known' | 'judges';

export interface Answer {
  /** Of the picture as received. */
  readonly sha256: string;
  readonly labelId: string;
}

/** Whether the item lies under its name, whole: something else may have been put there by hand. */
export const isItemAt = async (
  store: ObjectStore,
  key: string,
  answer: Answer,
): Promise<boolean> => {
  const bytes = await store.get(key);
  return bytes !== undefined && itemFault(bytes, key, answer) === undefined;
};

/** Whether the store has the item. */
export const hasItem = async (store: ObjectStore, answer: Answer): Promise<boolean> =>
  (await isItemAt(store, feedbackKey(answer.labelId, answer.sha256), answer)) ||
  (await isItemAt(store, archiveKey(answer.labelId, answer.sha256), answer));

/**
 * @param base the picture's row, where it is a base picture
 * @param isThere whether the store has an item of this answer
 */
export const standingOf = async (
  parts: Pick<Components, 'store' | 'settings'>,
  { sha256, labelId }: Answer,
  base: Pick<ImportRow, 'split' | 'label'> | undefined,
  isThere: () => Promise<boolean>,
): Promise<Standing> => {
  if (base && base.split !== 'train') return 'judges';
  const found = await isThere();
  if (!found && base?.label !== labelId) return 'new';
  const latest = await latestAnswer(parts, sha256);
  if (latest === undefined || latest === labelId) return 'known';
  return found ? 'again' : 'new';
};
