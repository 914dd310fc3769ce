/**
 * Pictures of predictions, kept for a day so that feedback can name them by id alone. Written after
 * the answer is sent; feedback that comes sooner waits for the write.
 */
import { isRelearnError, RelearnError } from '../../base/errors.ts';
import { takeTurns } from '../../base/take-turns.ts';
import {
  decodeFeedbackItem,
  encodeFeedbackItem,
  type FeedbackItem,
} from '../../records/feedback-item.ts';
import { predictionKey, predictionsPrefix } from '../../records/keys.ts';
import type { Components } from '../components.ts';
import { newName } from '../new-name.ts';
import { toFeedbackItem } from './store-picture.ts';

const keptFor = 24 * 60 * 60 * 1000;
const sweepInterval = 10 * 60 * 1000;
/** Writes that may wait at once; beyond that pictures are not kept, so that a burst costs no memory. */
const mostWaiting = 64;
const predictionIdPattern = /^\d{8}t\d{6}-[0-9a-z]{12}$/;

export interface KeptPredictions {
  /** Keeps the picture if the settings allow it. Returns at once. */
  keep(predictionId: string, picture: Uint8Array, labelId: string): void;
  /**
   * The picture with the label id that was predicted.
   * @throws RelearnError not-found/`prediction_not_found`, invalid/`prediction_expired`
   */
  find(predictionId: string): Promise<FeedbackItem>;
  close(): Promise<void>;
}

const expired = () =>
  new RelearnError('invalid', 'prediction_expired', 'The picture of this prediction is not kept.', {
    hint: 'Send the picture along with its label.',
  });

const neverGiven = () =>
  new RelearnError('not-found', 'prediction_not_found', 'There is no such prediction.', {
    hint: 'Send the predictionId that an answer of /predict holds.',
  });

export const createKeptPredictions = ({
  store,
  clock,
  log,
  keepPredictions,
}: Pick<Components, 'store' | 'clock' | 'log' | 'keepPredictions'>): KeptPredictions => {
  const waiting = new Map<string, Promise<void>>();
  /** One after the other, so that the next predictions need not wait behind all of them. */
  const inTurn = takeTurns(1);
  let lastSweep = Number.NEGATIVE_INFINITY;
  /** Why the last picture was not kept. A store that is away is told once, not at every prediction. */
  let lastFailure: string | null = null;

  const write = async (predictionId: string, picture: Uint8Array, labelId: string) => {
    const receivedAt = new Date(clock.now()).toISOString();
    const item = await toFeedbackItem(picture, {
      labelId,
      receivedAt,
      source: 'prediction',
      predictionId,
    });
    await store.putIfAbsent(predictionKey(predictionId), encodeFeedbackItem(item));
  };

  /** Ids begin with their time, so the oldest are listed first. */
  const sweep = async () => {
    if (clock.monotonic() - lastSweep < sweepInterval) return;
    lastSweep = clock.monotonic();
    const oldest = predictionKey(newName(clock.now() - keptFor, ''));
    for await (const { key } of store.list(predictionsPrefix)) {
      if (key >= oldest) return;
      await store.delete(key);
    }
  };

  return {
    keep: (predictionId, picture, labelId) => {
      if (!keepPredictions || waiting.size >= mostWaiting) return;
      const done = inTurn(() => write(predictionId, picture, labelId))
        .then(() => {
          lastFailure = null;
        })
        .then(sweep)
        .catch((error: unknown) => {
          // The answer is out; that its picture is not kept is no reason to fail anything.
          const reason = isRelearnError(error) ? error.code : String(error);
          if (reason !== lastFailure)
            log('warn', 'The picture of a prediction was not kept.', { predictionId, reason });
          lastFailure = reason;
        })
        .finally(() => waiting.delete(predictionId));
      waiting.set(predictionId, done);
    },
    find: async (predictionId) => {
      if (!predictionIdPattern.test(predictionId)) throw neverGiven();
      await waiting.get(predictionId);
      const key = predictionKey(predictionId);
      const bytes = await store.get(key);
      if (!bytes) throw expired();
      const item = decodeFeedbackItem(bytes, key);
      if (clock.now() - Date.parse(item.header.receivedAt) > keptFor) throw expired();
      return item;
    },
    close: async () => {
      await Promise.all(waiting.values());
    },
  };
};
