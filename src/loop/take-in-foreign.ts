/**
 * Objects under `feedback/` that Relearn did not write: a picture that somebody put there becomes an
 * item of that label, also where its name is no key; anything else goes to quarantine with its reason.
 */
import { RelearnError } from '../base/errors.ts';
import { encodeFeedbackItem, isFeedbackItem } from '../records/feedback-item.ts';
import { feedbackKey, feedbackLabelPrefix } from '../records/keys.ts';
import type { Settings } from '../records/settings.ts';
import { type FeedbackObject, strayFeedback } from '../registry/feedback-index.ts';
import { largestForeign, readMisnamed } from '../registry/read-misnamed.ts';
import type { RegistryState } from '../registry/registry-state.ts';
import type { MisnamedObject, ObjectInfo, ObjectStore } from '../storage/object-store.ts';
import { type Occasion, setAside } from './quarantine.ts';
import { toFeedbackItem } from './store-picture.ts';

/** No door takes larger pictures either. */
const largestPicture = 16 * 1024 * 1024;

interface Parts extends Occasion {
  readonly settings: Settings;
}

type Found = Omit<MisnamedObject, 'fault'>;

const objectAt = (store: ObjectStore, { key, size, modifiedAt }: ObjectInfo): Found => ({
  name: key,
  size,
  modifiedAt,
  read: () => store.get(key),
  remove: () => store.delete(key),
});

const takeIn = async (parts: Parts, found: Found): Promise<void> => {
  const { store, clock, log, settings } = parts;
  const { name, modifiedAt, size, read, remove } = found;
  const bytes = size <= largestForeign ? await read() : undefined;
  if (!bytes) {
    const why = size > largestForeign ? 'it is larger than 256 MiB' : 'it can not be read';
    return log('warn', `${JSON.stringify(name)} stays where it lies: ${why}.`, { key: name });
  }
  const refuse = (reason: string) => setAside(parts, found, bytes, reason);
  const labelId = settings.labelIds.find((id) => name.startsWith(feedbackLabelPrefix(id)));
  if (labelId === undefined) return refuse('under no label');
  if (bytes.length > largestPicture) return refuse('larger than 16 MiB');
  if (isFeedbackItem(bytes)) return refuse('an item under a wrong name');
  try {
    const receivedAt = new Date(Math.min(modifiedAt, clock.now())).toISOString();
    const item = await toFeedbackItem(bytes, { labelId, receivedAt, source: 'store' });
    await store.putIfAbsent(feedbackKey(labelId, item.header.sha256), encodeFeedbackItem(item));
    await remove();
  } catch (error) {
    if (!(error instanceof RelearnError) || error.kind !== 'invalid') throw error;
    await refuse(error.code);
  }
};

/** Everything that the champion has not learnt from, foreign pictures taken in first. */
export const takeInAll = async (
  parts: Parts,
  list: (state: RegistryState) => Promise<readonly FeedbackObject[]>,
  state: RegistryState,
): Promise<readonly FeedbackObject[]> => {
  const { store } = parts;
  const { objects } = await readMisnamed(store);
  for (const found of objects) await takeIn(parts, found);
  for (const found of await strayFeedback(parts)) await takeIn(parts, objectAt(store, found));
  const isOwn = ({ sha256 }: FeedbackObject) => sha256 !== null;
  const before = await list(state);
  if (before.every(isOwn)) return before;
  for (const found of before) if (!isOwn(found)) await takeIn(parts, objectAt(store, found));
  return (await list(state)).filter(isOwn);
};
