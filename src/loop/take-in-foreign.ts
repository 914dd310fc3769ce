/**
 * Objects under `feedback/` that Relearn did not write: a picture that somebody put there becomes an
 * item of that label; anything else goes to quarantine with its reason.
 */
import { RelearnError } from '../base/errors.ts';
import { encodeFeedbackItem, isFeedbackItem } from '../records/feedback-item.ts';
import { feedbackKey } from '../records/keys.ts';
import type { Settings } from '../records/settings.ts';
import { type FeedbackObject, strayFeedback } from '../registry/feedback-index.ts';
import type { RegistryState } from '../registry/registry-state.ts';
import { foundAt, type Occasion, setAside } from './quarantine.ts';
import { toFeedbackItem } from './store-picture.ts';

/** No door takes larger pictures either. */
const largestPicture = 16 * 1024 * 1024;

interface Parts extends Occasion {
  readonly settings: Settings;
}

const takeIn = async (parts: Parts, found: FeedbackObject): Promise<void> => {
  const { store, clock } = parts;
  const { key, labelId } = found;
  const bytes = await store.get(key);
  if (!bytes) return;
  const refuse = (reason: string) => setAside(parts, foundAt(store, key), bytes, reason);
  if (bytes.length > largestPicture) return refuse('larger than 16 MiB');
  if (isFeedbackItem(bytes)) return refuse('an item under a wrong name');
  try {
    const receivedAt = new Date(Math.min(found.modifiedAt, clock.now())).toISOString();
    const item = await toFeedbackItem(bytes, { labelId, receivedAt, source: 'store' });
    await store.putIfAbsent(feedbackKey(labelId, item.header.sha256), encodeFeedbackItem(item));
    await store.delete(key);
  } catch (error) {
    if (!(error instanceof RelearnError) || error.kind !== 'invalid') throw error;
    await refuse(error.code);
  }
};

/** @param objects feedback, foreign or not */
export const takeInForeign = async (
  parts: Parts,
  objects: readonly FeedbackObject[],
): Promise<void> => {
  for (const found of objects) if (found.sha256 === null) await takeIn(parts, found);
};

/** Objects under no label's folder. */
export const setAsideStray = async (parts: Parts): Promise<void> => {
  const { store } = parts;
  for (const key of await strayFeedback(parts)) {
    const bytes = await store.get(key);
    if (bytes) await setAside(parts, foundAt(store, key), bytes, 'under no label');
  }
};

/** Everything that the champion has not learnt from, foreign pictures taken in first. */
export const takeInAll = async (
  parts: Parts,
  list: (state: RegistryState) => Promise<readonly FeedbackObject[]>,
  state: RegistryState,
): Promise<readonly FeedbackObject[]> => {
  await setAsideStray(parts);
  const found = await list(state);
  if (found.every(({ sha256 }) => sha256 !== null)) return found;
  await takeInForeign(parts, found);
  return (await list(state)).filter(({ sha256 }) => sha256 !== null);
};
