/**
 * A training that starts by itself: it goes on with the last one where that was cut off and left a
 * checkpoint, so that hosts that kill end a long training after all; else it begins. A checkpoint
 * from which one attempt after the other came no further is given up: what ends them may be in it.
 */
import { isRelearnError } from '../../base/errors.ts';
import type { TrainReport } from '../../records/reports.ts';
import type { Lease } from '../../registry/lease.ts';
import type { RegistryState } from '../../registry/registry-state.ts';
import type { Components } from '../components.ts';
import type { TrainOptions } from '../relearn-api.ts';
import { readCheckpoint, removeCheckpoints } from './left-checkpoints.ts';
import type { Groundwork } from './prepare-training.ts';
import { interruptedClaim } from './resumable-run.ts';
import { trainHolding } from './train-candidate.ts';

/** Attempts that may end at one checkpoint. */
const mostAttempts = 3;

/** What says that the checkpoint can't be used after all. */
const refusals: ReadonlySet<string> = new Set([
  'damaged_checkpoint',
  'resume_mismatch',
  'nothing_to_resume',
]);

/**
 * For the holder of the lease.
 * @returns why what was cut off can't go on; null = it can, undefined = there is nothing to go on from
 */
const obstacleOf = async (
  { store, feedbackQuery }: Pick<Components, 'store' | 'feedbackQuery'>,
  state: RegistryState,
): Promise<string | null | undefined> => {
  const claim = await interruptedClaim({ store }, state);
  if (!claim) return undefined;
  try {
    const { runId, parent } = await feedbackQuery(state).readManifest(claim.manifest);
    const checkpoint = await readCheckpoint(store, runId);
    if (!checkpoint) return undefined;
    const { step } = checkpoint.figures;
    const attempts = state.claims.filter(
      (other) => other.manifest.sha256 === claim.manifest.sha256 && other.step >= step,
    ).length;
    if (attempts >= mostAttempts)
      return `${attempts} attempts in a row came no further than step ${step}`;
    if (parent !== null && parent !== state.champion)
      return `version ${parent}, which it continues, is not the champion any more`;
    return null;
  } catch (error) {
    if (!isRelearnError(error) || error.kind !== 'corrupt') throw error;
    return error.message.replace(/\.$/, '');
  }
};

/** @throws RelearnError as `trainHolding` */
export const trainOnOrAnew = async (
  components: Components,
  lease: Lease,
  options: Pick<TrainOptions, 'signal' | 'onProgress' | 'onLine'>,
  signal: AbortSignal,
  groundwork: Groundwork,
): Promise<TrainReport> => {
  const { registry, store, log } = components;
  const giveUp = async (why: string): Promise<void> => {
    log('warn', `The training that was cut off is given up, a new one begins: ${why}.`);
    await removeCheckpoints(store, () => true);
  };
  const obstacle = await obstacleOf(components, registry.state);
  if (obstacle) await giveUp(obstacle);
  if (obstacle === null) {
    try {
      const onwards = { ...options, resume: true };
      return await trainHolding(components, lease, onwards, signal, groundwork);
    } catch (error) {
      if (!isRelearnError(error) || !refusals.has(error.code)) throw error;
      await giveUp(error.message.replace(/\.$/, ''));
    }
  }
  return trainHolding(components, lease, options, signal, groundwork);
};
