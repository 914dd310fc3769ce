/**
 * The training that was interrupted and can go on: the last one that was claimed, where it came to
 * no version and left a checkpoint. An older one can't: its items may be another version's by now.
 */
import { RelearnError } from '../../base/errors.ts';
import type { ObjectRef } from '../../records/json-object.ts';
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

/** The claim of the last training where it came to no version. */
export const interruptedClaim = ({ claims }: RegistryState): ClaimRecord | undefined => {
  const claim = claims.at(-1);
  return claim?.outcome === 'open' || claim?.outcome === 'void' ? claim : undefined;
};

/** For a caller that knows that no training is running. */
export const findResumable = async (
  { store, feedbackQuery }: Components,
  state: RegistryState,
): Promise<Resumable | undefined> => {
  const claim = interruptedClaim(state);
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
