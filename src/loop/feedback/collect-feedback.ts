/**
 * Takes one answer of a person. Whatever is acknowledged is durable; whatever is refused leaves
 * nothing behind. Cheap checks come first: label, then known pictures, then decoding.
 */
import { RelearnError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { encodeFeedbackItem, type FeedbackItem, itemFault } from '../../records/feedback-item.ts';
import { encodeJson } from '../../records/json-object.ts';
import { feedbackKey, feedbackPrefix, voteKey } from '../../records/keys.ts';
import type { FeedbackReceipt, FeedbackStatus } from '../../records/reports.ts';
import { resolveLabel } from '../../records/resolve-label.ts';
import type { Components } from '../components.ts';
import type { FeedbackInput } from '../relearn-api.ts';
import type { KeptPredictions } from '../serving/kept-predictions.ts';
import { recordRenewal } from './latest-answer.ts';
import { type Answer, hasItem, type Standing, standingOf } from './standing.ts';

export interface FeedbackContext
  extends Pick<
    Components,
    'settings' | 'store' | 'registry' | 'basePictures' | 'clock' | 'toFeedbackItem'
  > {
  readonly kept: KeptPredictions;
}

const receipt = (id: string, status: FeedbackStatus): FeedbackReceipt => ({
  result: true,
  id,
  status,
});

const invalidField = (message: string, hint: string) =>
  new RelearnError('invalid', 'invalid_field', message, { hint });

/** In the same folder, under no item's name, so that the next training looks at it. */
const asideKey = ({ labelId, sha256: taken }: Answer, hash: string): string =>
  `${feedbackPrefix}${labelId}/${hash}.${taken.slice(0, 40)}`;

/**
 * What somebody put under the item's name by hand is not the item: it gets a name of its own, under
 * which the next training looks at it, and then the item takes its place at one stroke.
 * @throws RelearnError unavailable/`name_taken` where what lies there is no object, such as a folder
 */
const putItem = async (
  { store }: FeedbackContext,
  answer: Answer,
  item: Uint8Array,
): Promise<'created' | 'exists'> => {
  const key = feedbackKey(answer.labelId, answer.sha256);
  let there: Uint8Array | undefined;
  for (let attempt = 0; there === undefined; attempt++) {
    if ((await store.putIfAbsent(key, item)) === 'created') return 'created';
    there = await store.get(key);
    // Once it may just have gone to the archive.
    if (there === undefined && attempt > 0) {
      throw new RelearnError(
        'unavailable',
        'name_taken',
        `Something that is no file is at ${key}.`,
        {
          hint: 'Remove it from the store, then send the answer again.',
        },
      );
    }
  }
  if (itemFault(there, key, answer) === undefined) return 'exists';
  const other = sha256(there);
  if (other !== answer.sha256) await store.putIfAbsent(asideKey(answer, other), there);
  await store.put(key, item);
  return 'created';
};

/** @param toItem called for a new answer only: it may have to decode */
const keepAnswer = async (
  context: FeedbackContext,
  answer: { readonly sha256: string; readonly labelId: string; readonly source: string },
  toItem: () => Promise<FeedbackItem> | FeedbackItem,
): Promise<FeedbackReceipt> => {
  const { store, clock } = context;
  const { sha256: hash, source } = answer;
  const keep: Readonly<Record<Standing, () => Promise<'created' | 'exists'>>> = {
    judges: async () => 'exists',
    known: async () => 'exists',
    again: () => recordRenewal(store, answer, { at: clock.now(), source }),
    new: async () => putItem(context, answer, encodeFeedbackItem(await toItem())),
  };
  const base = (await context.basePictures.at(await context.registry.read())).get(hash);
  const standing = await standingOf(context, answer, base, () => hasItem(store, answer));
  const outcome = await keep[standing]();
  const given = receipt(hash, outcome === 'created' ? 'accepted' : 'duplicate');
  const isDropped = standing === 'judges' && base?.label !== answer.labelId;
  return isDropped ? { ...given, reason: 'held-back' } : given;
};

const timeOf = ({ clock }: FeedbackContext) => new Date(clock.now()).toISOString();

const collectPicture = async (
  context: FeedbackContext,
  picture: Uint8Array,
  { target, source }: FeedbackInput,
): Promise<FeedbackReceipt> => {
  if (target === undefined) {
    throw invalidField('A picture needs a target.', 'Send the label as `target`.');
  }
  const { id: labelId } = resolveLabel(context.settings, target);
  return keepAnswer(context, { sha256: sha256(picture), labelId, source }, () =>
    context.toFeedbackItem(picture, { labelId, receivedAt: timeOf(context), source }),
  );
};

/** Recorded, never trained on: it says what the picture does not show, or nothing. */
const recordVote = async (
  context: FeedbackContext,
  { predictionId, verdict, source }: FeedbackInput,
): Promise<FeedbackReceipt> => {
  // The same vote sent twice is one vote.
  const id = sha256(Buffer.from(JSON.stringify([predictionId, verdict, source])));
  const vote = { formatVersion: 1, predictionId, verdict, source, receivedAt: timeOf(context) };
  const outcome = await context.store.putIfAbsent(voteKey(id), encodeJson(vote));
  return receipt(id, outcome === 'created' ? 'accepted' : 'duplicate');
};

/** Which labels a verdict leaves room for: the predicted one, another one, or none. */
const leavesRoomFor: Readonly<
  Record<NonNullable<FeedbackInput['verdict']>, (isPredicted: boolean) => boolean>
> = {
  right: (isPredicted) => isPredicted,
  wrong: (isPredicted) => !isPredicted,
  neither: () => false,
  unsure: () => false,
};

const contradiction = (target: string, verdict: string) =>
  new RelearnError(
    'invalid',
    'contradicting_feedback',
    `The target "${target}" contradicts the verdict "${verdict}".`,
    { hint: 'Send the target or the verdict alone.' },
  );

const collectJudgement = async (
  context: FeedbackContext,
  predictionId: string,
  input: FeedbackInput,
): Promise<FeedbackReceipt> => {
  const { target, verdict, source } = input;
  if (target === undefined && verdict === undefined) {
    throw invalidField('A prediction needs a target or a verdict.', 'Send one of the two.');
  }
  const resolved = target === undefined ? undefined : resolveLabel(context.settings, target);
  const { header, image } = await context.kept.find(predictionId);
  if (
    target !== undefined &&
    verdict !== undefined &&
    !leavesRoomFor[verdict](resolved?.id === header.labelId)
  )
    throw contradiction(target, verdict);
  const labelId = resolved?.id ?? (verdict === 'right' ? header.labelId : undefined);
  if (labelId === undefined) return recordVote(context, input);
  const judged = verdict === 'right' || verdict === 'wrong' ? { verdict } : {};
  return keepAnswer(context, { sha256: header.sha256, labelId, source }, () => ({
    header: { ...header, labelId, receivedAt: timeOf(context), source, predictionId, ...judged },
    image,
  }));
};

/**
 * @throws RelearnError invalid/`unknown_label`, not-found/`prediction_not_found`,
 * invalid/`prediction_expired`, invalid/`contradicting_feedback`, invalid/`invalid_field`, the
 * decoder's own, and the store's
 */
export const collectFeedback = async (
  context: FeedbackContext,
  input: FeedbackInput,
): Promise<FeedbackReceipt> => {
  if (input.predictionId !== undefined) return collectJudgement(context, input.predictionId, input);
  if (input.picture !== undefined) return collectPicture(context, input.picture, input);
  throw invalidField('There is no picture.', 'Send `picture`, or the `predictionId` of an answer.');
};
