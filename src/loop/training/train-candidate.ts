/**
 * One training, from the lease to the release. The log entries it appends are the only steps that
 * count: whatever else it writes is there before the entry that names it, so that a crash between
 * any two lines leaves the store as it was, or as it is after the training.
 */
import { counted } from '../../base/counted.ts';
import { isRelearnError, RelearnError } from '../../base/errors.ts';
import type { TrainingProgress, TrainReport } from '../../records/reports.ts';
import { type Lease, leaseLost } from '../../registry/lease.ts';
import type { Components } from '../components.ts';
import { archiveConsumed } from '../feedback/archive-consumed.ts';
import { occasionOf } from '../feedback/quarantine.ts';
import { settleItems, takeInForeign } from '../feedback/take-in-foreign.ts';
import type { TrainOptions } from '../relearn-api.ts';
import { requireBaseData } from './assemble-training-set.ts';
import { awaitLease } from './await-lease.ts';
import { checkFineTune } from './backbones.ts';
import { type AskedArchitecture, chooseStart, findAskedArchitecture } from './choose-start.ts';
import { removeCheckpoints } from './left-checkpoints.ts';
import { type Groundwork, prepareNew, prepareResumed, trainerOptions } from './prepare-training.ts';
import { registerOutcome } from './register-outcome.ts';
import { findResumable, nothingToResume } from './resumable-run.ts';
import { openRunJournal, startingProgress } from './run-journal.ts';
import { setAsideFatal } from './set-aside-poison.ts';
import { modelOf } from './trainer.ts';

/** Trains while holding the lease. @param signal also aborted when the lease is lost */
export const trainHolding = async (
  components: Components,
  lease: Lease,
  options: TrainOptions,
  signal: AbortSignal,
  groundwork: Groundwork,
): Promise<TrainReport> => {
  const { registry, store, trainer, log } = components;
  // What an earlier training consumed and could not tidy up any more.
  await archiveConsumed(components, await registry.read());
  const { state } = registry;
  const occasion = occasionOf(components, lease);
  const prepare = options.resume ? prepareResumed : prepareNew;
  const { manifest, ref, resumed } = await prepare(components, lease, options, groundwork);
  signal.throwIfAborted();
  const { runId, createdAt: startedAt, parent } = manifest;

  const journal = openRunJournal(components, runId);
  const run = { formatVersion: 1, id: runId, startedAt, version: null, report: null } as const;
  if (!resumed) await journal.record({ ...run, points: [] });
  let phase: TrainingProgress['phase'] | undefined;
  const tell = (progress: TrainingProgress) => {
    if (phase !== progress.phase && phase !== undefined)
      log('info', `Training: ${progress.phase}.`, { runId, phase: progress.phase });
    phase = progress.phase;
    journal.progress(progress);
    options.onProgress?.(progress);
  };
  tell(startingProgress(startedAt));
  if (resumed)
    options.onLine?.(
      `going on after ${counted(resumed.rounds, 'round')} (${counted(resumed.step, 'step')}) with the training that began at ${startedAt}`,
    );
  log('info', resumed ? `Training resumed after round ${resumed.rounds}.` : 'Training started.', {
    runId,
    ...(resumed ? { step: resumed.step } : {}),
    feedback: manifest.feedback.length,
    parent,
  });

  const outcome = await trainer(
    {
      runId,
      epoch: lease.epoch,
      startedAt,
      manifest: ref,
      initial: modelOf(state, parent),
      champion: modelOf(state, state.champion),
      failures: occasion.failures,
      options: trainerOptions(manifest),
      resume: resumed !== null,
    },
    {
      signal,
      onProgress: tell,
      onLine: (line) => {
        log('info', line, { runId });
        options.onLine?.(line);
      },
      onCurve: (points) => void journal.record({ ...run, points }),
      onDecoding: async () => {},
    },
  ).catch(async (error: unknown) => {
    await setAsideFatal(occasion, error);
    // What is wrong with the input would be wrong again.
    if (isRelearnError(error) && error.kind === 'invalid')
      await removeCheckpoints(store, (other) => other === runId);
    throw error;
  });
  signal.throwIfAborted();
  const report = await registerOutcome(components, lease, outcome, {
    journal,
    run,
    feedback: manifest.feedback.length,
    signal,
  });
  await removeCheckpoints(store, () => true).catch((error: unknown) => {
    log('warn', 'The checkpoints of the run were not removed yet.', { error: String(error) });
  });
  return report;
};

const describeEnd = (error: unknown, isStopped: boolean): string => {
  if (isStopped) return 'stopped';
  return error instanceof RelearnError ? error.code : 'failed';
};

/** Runs `work` under a lease that was taken, keeps it alive meanwhile and gives it back. */
export const holdingLease = async <T>(
  { leases, log }: Components,
  lease: Lease,
  outerSignal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const lost = new AbortController();
  const signal = outerSignal ? AbortSignal.any([outerSignal, lost.signal]) : lost.signal;
  const heartbeat = leases.keepAlive(lease, () => lost.abort(leaseLost()));
  let end = 'done';
  try {
    signal.throwIfAborted();
    return await work(signal);
  } catch (error) {
    end = describeEnd(error, outerSignal?.aborted ?? false);
    throw error;
  } finally {
    await heartbeat.stop();
    await leases.release(lease, end).catch((error: unknown) => {
      // Others take over when the heartbeat has grown old.
      log('warn', 'The lease could not be given back.', { error: String(error) });
    });
  }
};

export const alreadyTraining = (): RelearnError =>
  new RelearnError(
    'conflict',
    'already_training',
    'A training is running in this store (already-training).',
    { hint: 'Wait until it has ended; relearn status shows how far it is.' },
  );

/** What can be refused at once, before anything is written. */
const checkRequest = async (
  components: Components,
  options: TrainOptions,
): Promise<AskedArchitecture | undefined> => {
  const state = await components.registry.read();
  if (options.resume && state.lease === null && !(await findResumable(components, state))) {
    throw nothingToResume();
  }
  const asked = await findAskedArchitecture(components, options);
  const start = await chooseStart(components, state, options, asked);
  const { backbone } = start;
  if (backbone && options.fineTune)
    await checkFineTune(components, { ...start, backbone }, asked?.imported, options.fineTune);
  await requireBaseData(components, state);
  return asked;
};

/** Whoever asks for a new training hears what it replaces. */
const tellOfCheckpoint = async (
  components: Components,
  { resume, onLine }: TrainOptions,
): Promise<void> => {
  const found = resume ? undefined : await findResumable(components, components.registry.state);
  if (found)
    onLine?.(
      `starting anew: the training that was cut off after ${counted(found.run.rounds, 'round')} (${counted(found.run.step, 'step')}) is given up once this one has a checkpoint of its own. To go on with it instead, stop this one before that and run relearn train --resume`,
    );
};

/**
 * @throws RelearnError conflict/`already_training`, invalid/`no_base_data`, and usage errors where
 * the options don't fit this store
 */
export const train = async (
  components: Components,
  options: TrainOptions = {},
): Promise<TrainReport> => {
  const asked = await checkRequest(components, options);
  const lease = options.resume
    ? await awaitLease(components, options)
    : (await components.leases.tryAcquire()).lease;
  if (!lease) throw alreadyTraining();
  return holdingLease(components, lease, options.signal, async (signal) => {
    await tellOfCheckpoint(components, options);
    const parts = { ...components, ...occasionOf(components, lease) };
    if (!options.resume) await takeInForeign(parts);
    const sound = options.resume ? new Set<string>() : await settleItems(parts);
    return trainHolding(components, lease, options, signal, { asked, sound });
  });
};
