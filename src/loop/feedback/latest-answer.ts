/**
 * Which answer about a picture counts where people disagree: the latest. An item is written once and
 * keeps the time of its first answer, so an answer that people come back to (cat, then dog, then cat
 * again) leaves a small object of its own beside it, in whose name the time stands.
 */
import pMap from 'p-map';
import { isRelearnError } from '../../base/errors.ts';
import { answerOrder, decodeFeedbackItem } from '../../records/feedback-item.ts';
import { encodeJson } from '../../records/json-object.ts';
import {
  archiveKey,
  feedbackKey,
  parseRenewalKey,
  renewalKey,
  renewalsPrefix,
} from '../../records/keys.ts';
import type { Settings } from '../../records/settings.ts';
import { listKeys, type ObjectStore } from '../../storage/object-store.ts';

/** A picture and what it is said to show. */
interface Answer {
  readonly sha256: string;
  readonly labelId: string;
}

const askedTogether = 16;

/** @returns `exists` where the same was recorded at the same instant */
export const recordRenewal = (
  store: ObjectStore,
  { sha256, labelId }: Answer,
  given: { readonly at: number; readonly source: string },
): Promise<'created' | 'exists'> =>
  store.putIfAbsent(
    renewalKey(sha256, given.at, labelId),
    encodeJson({
      formatVersion: 1,
      sha256,
      labelId,
      receivedAt: new Date(given.at).toISOString(),
      source: given.source,
    }),
  );

/** Pictures that have answers under more than one label. */
const contested = (answers: readonly Answer[]): ReadonlySet<string> => {
  const labels = new Map<string, string>();
  const found = new Set<string>();
  for (const { sha256, labelId } of answers) {
    if ((labels.get(sha256) ?? labelId) !== labelId) found.add(sha256);
    labels.set(sha256, labelId);
  }
  return found;
};

/**
 * Of two answers about one picture the one whose order sorts last counts. Costs a list for each
 * picture that people disagree about.
 * @returns the order of one of the answers, whose item was received at that time
 */
export const readAnswerOrders = async (
  store: ObjectStore,
  answers: readonly Answer[],
): Promise<(answer: Answer, receivedAt: string) => string> => {
  const renewed = new Map<string, string>();
  const read = async (sha256: string): Promise<void> => {
    for await (const key of listKeys(store, renewalsPrefix(sha256))) {
      const { at, labelId } = parseRenewalKey(key) ?? {};
      if (at === undefined) continue;
      // They come in the order of their times.
      renewed.set(`${sha256}/${labelId}`, new Date(at).toISOString());
    }
  };
  await pMap(contested(answers), read, { concurrency: askedTogether });
  return ({ sha256, labelId }, receivedAt) => {
    const again = renewed.get(`${sha256}/${labelId}`) ?? '';
    return answerOrder({ receivedAt: again > receivedAt ? again : receivedAt, labelId });
  };
};

/** When the item was received; undefined where it is gone or damaged. */
const receivedAtOf = async (store: ObjectStore, place: string): Promise<string | undefined> => {
  const bytes = await store.get(place);
  try {
    return bytes && decodeFeedbackItem(bytes, place).header.receivedAt;
  } catch (error) {
    if (isRelearnError(error, 'corrupt_feedback')) return undefined;
    throw error;
  }
};

/**
 * The label that people gave a picture last; undefined where nobody gave one. Two calls for each
 * label of the store, and a few more where they disagree.
 */
export const latestAnswer = async (
  { store, settings }: { readonly store: ObjectStore; readonly settings: Settings },
  sha256: string,
): Promise<string | undefined> => {
  const find = async (labelId: string) => {
    for (const place of [feedbackKey(labelId, sha256), archiveKey(labelId, sha256)]) {
      if (await store.head(place)) return [{ sha256, labelId, place }];
    }
    return [];
  };
  const found = (await pMap(settings.labelIds, find, { concurrency: askedTogether })).flat();
  if (found.length < 2) return found[0]?.labelId;
  const orderOf = await readAnswerOrders(store, found);
  let latest = { labelId: undefined as string | undefined, order: '' };
  for (const answer of found) {
    const receivedAt = await receivedAtOf(store, answer.place);
    const order = receivedAt === undefined ? '' : orderOf(answer, receivedAt);
    if (order > latest.order) latest = { labelId: answer.labelId, order };
  }
  return latest.labelId;
};
