/**
 * Reads the pictures that a manifest names, each with its class. The order depends on the pictures'
 * hashes alone, so that the same data makes the same model wherever it was imported.
 */

import pMap from 'p-map';
import { isRelearnError } from '../../base/errors.ts';
import type { LabelledPicture } from '../../data/pixel-cache.ts';
import { readShardPictures } from '../../data/shards.ts';
import {
  decodeFeedbackItem,
  type FeedbackItem,
  isFeedbackItem,
} from '../../records/feedback-item.ts';
import { addRows, decodeImportManifest, type ImportRow } from '../../records/import-manifest.ts';
import { feedbackPrefix, itemPlaces } from '../../records/keys.ts';
import { readVerified } from '../../records/read-verified.ts';
import type { Settings } from '../../records/settings.ts';
import {
  decodeTrainingManifest,
  type FeedbackRow,
  type TrainingManifest,
} from '../../records/training-manifest.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { readAnswerOrders } from '../feedback/latest-answer.ts';
import { foundAt, type Occasion, setAside } from '../feedback/quarantine.ts';
import { decodesAlone } from './set-aside-poison.ts';

export interface TrainingPictures {
  readonly train: readonly LabelledPicture[];
  readonly validation: readonly LabelledPicture[];
  readonly holdout: readonly LabelledPicture[];
}

interface Source extends Occasion {
  readonly settings: Settings;
}

/** A bucket answers in tens of milliseconds; one by one, thousands of items would take minutes. */
const readTogether = 16;

type OnDecoding = (key: string) => Promise<void>;

interface Found {
  readonly sha256: string;
  readonly labelId: string;
  readonly bytes: Uint8Array;
}

const readItem = async (
  source: Source,
  row: FeedbackRow,
  onDecoding: OnDecoding | undefined,
): Promise<FeedbackItem | undefined> => {
  const { store } = source;
  for (const place of itemPlaces(row)) {
    const bytes = await store.get(place);
    // A picture that somebody has put there since waits for the next look.
    if (!bytes || (place.startsWith(feedbackPrefix) && !isFeedbackItem(bytes))) continue;
    try {
      const item = decodeFeedbackItem(bytes, place);
      await onDecoding?.(place);
      if (!onDecoding || (await decodesAlone(source, place, item.image))) return item;
    } catch (error) {
      if (!isRelearnError(error, 'corrupt_feedback')) throw error;
      await setAside(
        source,
        foundAt(store, place, bytes),
        bytes,
        `damaged: ${error.details?.detail}`,
      );
    }
  }
  return undefined;
};

/** One label for each picture, see {@link readAnswerOrders}. */
const readFeedback = async (
  source: Source,
  rows: readonly FeedbackRow[],
  onDecoding: OnDecoding | undefined,
): Promise<ReadonlyMap<string, Found>> => {
  const latest = new Map<string, { readonly order: string; readonly found: Found }>();
  // Where each picture is announced before it is decoded, one at a time: it may be the last one.
  const concurrency = onDecoding ? 1 : readTogether;
  const items = await pMap(rows, (row) => readItem(source, row, onDecoding), { concurrency });
  const orderOf = await readAnswerOrders(source.store, rows);
  for (const [index, row] of rows.entries()) {
    const item = items[index];
    if (!item) continue;
    const { labelId, sha256 } = row;
    const order = orderOf(row, item.header.receivedAt);
    const before = latest.get(sha256);
    if (before && before.order > order) continue;
    latest.set(sha256, { order, found: { sha256, labelId, bytes: item.image } });
  }
  return new Map([...latest].map(([sha256, { found }]) => [sha256, found]));
};

/** The rows of the import manifests, one for each picture. */
export const readBaseRows = async (
  store: ObjectStore,
  refs: TrainingManifest['base'],
): Promise<ImportRow[]> => {
  const rows = new Map<string, ImportRow>();
  for (const ref of refs) {
    const manifest = decodeImportManifest(await readVerified(store, ref), ref.key);
    addRows(rows, manifest);
  }
  return [...rows.values()];
};

/** The feedback of earlier trainings, oldest first. */
const readReplayed = async (
  store: ObjectStore,
  refs: TrainingManifest['replay'],
): Promise<FeedbackRow[]> => {
  const rows: FeedbackRow[] = [];
  for (const ref of refs.toReversed()) {
    rows.push(...decodeTrainingManifest(await readVerified(store, ref), ref.key).feedback);
  }
  return rows;
};

const byHash = (a: Found, b: Found) => (a.sha256 < b.sha256 ? -1 : a.sha256 > b.sha256 ? 1 : 0);

/** Base pictures by part, in the order of their hashes. */
export const readBasePictures = async (
  { store, settings }: Pick<Source, 'store' | 'settings'>,
  rows: readonly ImportRow[],
): Promise<{ readonly [Split in ImportRow['split']]: LabelledPicture[] }> => {
  const found: { [Split in ImportRow['split']]: Found[] } = {
    train: [],
    validation: [],
    holdout: [],
  };
  for await (const { row, bytes } of readShardPictures(store, rows)) {
    found[row.split].push({ sha256: row.sha256, labelId: row.label, bytes });
  }
  return {
    train: label(settings, found.train),
    validation: label(settings, found.validation),
    holdout: label(settings, found.holdout),
  };
};

const label = ({ labelIds }: Settings, found: readonly Found[]): LabelledPicture[] =>
  [...found]
    .sort(byHash)
    .map(({ labelId, bytes, sha256 }) => ({ label: labelIds.indexOf(labelId), bytes, sha256 }))
    // A label that is no longer among the settings has no class to learn.
    .filter((picture) => picture.label >= 0);

/**
 * @param onDecoding where the feedback is suspect: told of each item before it is decoded alone
 * @throws RelearnError corrupt, where base data is missing or damaged
 */
export const loadTrainingPictures = async (
  source: Source,
  manifest: Pick<TrainingManifest, 'base' | 'feedback' | 'replay'>,
  onDecoding?: OnDecoding,
): Promise<TrainingPictures> => {
  const replayed = await readReplayed(source.store, manifest.replay);
  const feedback = await readFeedback(source, [...replayed, ...manifest.feedback], onDecoding);
  const rows = await readBaseRows(source.store, manifest.base);
  // A base picture that people answered differently about is learnt as they say.
  const kept = rows.filter(({ split, sha256 }) => split !== 'train' || !feedback.has(sha256));
  const base = await readBasePictures(source, kept);
  return { ...base, train: [...base.train, ...label(source.settings, [...feedback.values()])] };
};
