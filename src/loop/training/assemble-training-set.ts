/**
 * Decides what a training learns from: all base pictures, the feedback that the model to start from
 * has not seen, and again that which its lineage has. Written down as a manifest before the training starts.
 */
import { RelearnError } from '../../base/errors.ts';
import { archivePrefix } from '../../records/keys.ts';
import type { FeedbackRow, TrainingManifest } from '../../records/training-manifest.ts';
import {
  type FeedbackObject,
  lineageManifests,
  untrainedFeedback,
} from '../../registry/feedback-index.ts';
import type { RegistryState } from '../../registry/registry-state.ts';
import type { Components } from '../components.ts';
import { foundAt, type Occasion, setAside, whyNotLearnt } from '../feedback/quarantine.ts';
import { describeHeldBack, importMore } from './held-back.ts';

export type TrainingSet = Pick<TrainingManifest, 'base' | 'feedback' | 'replay'>;

interface Parts extends Occasion, Pick<Components, 'settings' | 'basePictures' | 'feedbackQuery'> {}

const withoutJudges = async (
  parts: Parts,
  state: RegistryState,
  items: readonly FeedbackObject[],
): Promise<FeedbackRow[]> => {
  const base = await parts.basePictures.at(state);
  const rows: FeedbackRow[] = [];
  for (const { key, labelId, sha256 } of items) {
    const reason = whyNotLearnt(base.get(sha256));
    if (reason === undefined) {
      rows.push({ key, labelId, sha256 });
      continue;
    }
    const bytes = await parts.store.get(key);
    if (bytes) await setAside(parts, foundAt(parts.store, key, bytes), bytes, reason);
  }
  return rows;
};

export const hasBaseData = async (
  parts: Pick<Components, 'basePictures'>,
  state: RegistryState,
): Promise<boolean> => {
  for (const row of (await parts.basePictures.at(state)).values()) {
    if (row.split === 'train') return true;
  }
  return false;
};

/** @throws RelearnError invalid/`no_base_data`, which says what there is */
export const requireBaseData = async (
  parts: Pick<Components, 'basePictures'>,
  state: RegistryState,
): Promise<void> => {
  if (await hasBaseData(parts, state)) return;
  const counts = { train: 0, validation: 0, holdout: 0 };
  for (const { split } of (await parts.basePictures.at(state)).values()) counts[split]++;
  const heldBack = describeHeldBack(counts);
  throw heldBack === ''
    ? new RelearnError('invalid', 'no_base_data', 'There are no base pictures to train on.', {
        hint: 'Import labelled pictures first: relearn import pictures/',
      })
    : new RelearnError(
        'invalid',
        'no_base_data',
        `There are no base pictures to train on: ${heldBack}.`,
        { hint: importMore },
      );
};

/**
 * @param sound keys of the items under `feedback/` that were looked at
 * @param fromScratch a new lineage: all feedback is new to it, also what earlier versions learnt
 * @throws RelearnError invalid/`no_base_data`
 */
export const assembleTrainingSet = async (
  parts: Parts,
  state: RegistryState,
  sound: ReadonlySet<string>,
  { fromScratch }: { readonly fromScratch: boolean },
): Promise<TrainingSet> => {
  await requireBaseData(parts, state);
  const untrained = await untrainedFeedback(
    parts.feedbackQuery(fromScratch ? { ...state, champion: null } : state),
  );
  // Under the name of an item somebody may have put something else since.
  const items = untrained.filter(({ key }) => key.startsWith(archivePrefix) || sound.has(key));
  return {
    base: state.imports,
    feedback: await withoutJudges(parts, state, items),
    // What the lineage has learnt is shown again beside the new, or it would be forgotten.
    replay: fromScratch ? [] : lineageManifests(state, state.champion),
  };
};
