/**
 * The training that was interrupted and can go on: the newest since the last version that left a
 * checkpoint. Those that began after it and ended before their own first checkpoint cost nothing.
 * One from before the last version can't go on: its items may be that version's by now.
 */
import { RelearnError } from '../../base/errors.ts';
import type { ObjectRef } from '../../records/json-object.ts';
import { checkpointKey, parseTrainingManifestKey } from '../../records/keys.ts';
import type { ResumableRun } from '../../records/reports.ts';
import type { TrainingManifest } from '../../records/training-manifest.ts';
import type { ClaimRecord, RegistryState } from '../../registry/registry-state.ts';
import type { Components } from '../components.ts';
import { describeCheckpoint } from './left-checkpoints.ts';

export interface Resumable {
  readonly run: ResumableRun;
  readonly manifest: TrainingManifest;
  readonly ref: ObjectRef;
}

/** So many trainings that left nothing are looked behind. */
const mostPassed = 16;

/** The claims of the trainings since the last version, newest first, one for each run. */
const interruptedClaims = ({ claims }: RegistryState): readonly ClaimRecord[] => {
  const lastVersion = claims.findLastIndex(
    ({ outcome }) => outcome !== 'open' && outcome !== 'void',
  );
  const ofRuns = new Map<string, ClaimRecord>();
  for (const claim of claims.slice(lastVersion + 1).reverse())
    if (!ofRuns.has(claim.manifest.key)) ofRuns.set(claim.manifest.key, claim);
  return [...ofRuns.values()].slice(0, mostPassed);
};

/** The claim of the training that would go on, whether its checkpoint can be used or not. */
export const interruptedClaim = async (
  { store }: Pick<Components, 'store'>,
  state: RegistryState,
): Promise<ClaimRecord | undefined> => {
  for (const claim of interruptedClaims(state)) {
    const runId = parseTrainingManifestKey(claim.manifest.key);
    if (runId !== undefined && (await store.head(checkpointKey(runId)))) return claim;
  }
  return undefined;
};

/** For a caller that knows that no training is running. */
export const findResumable = async (
  { store, feedbackQuery }: Components,
  state: RegistryState,
): Promise<Resumable | undefined> => {
  const claim = await interruptedClaim({ store }, state);
  if (!claim) return undefined;
  const manifest = await feedbackQuery(state).readManifest(claim.manifest);
  const checkpoint = await describeCheckpoint(store, manifest.runId);
  if (!checkpoint) return undefined;
  const run = { id: manifest.runId, startedAt: manifest.createdAt, ...checkpoint };
  return { run, manifest, ref: claim.manifest };
};

export const nothingToResume = (): RelearnError =>
  new RelearnError(
    'not-found',
    'nothing_to_resume',
    'There is no interrupted training with a checkpoint.',
    {
      hint: 'Start one: relearn train. The first checkpoint comes after the first round, or after five minutes; relearn status shows it.',
    },
  );
