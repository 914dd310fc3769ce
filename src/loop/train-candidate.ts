/**
 * One training, from the lease to the release. The log entries it appends are the only steps that
 * count: whatever else it writes is there before the entry that names it, so that a crash between
 * any two lines leaves the store as it was, or as it is after the training.
 */
import { RelearnError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import type { ObjectRef } from '../records/json-object.ts';
import { trainingManifestKey } from '../records/keys.ts';
import type { TrainReport } from '../records/reports.ts';
import { encodeTrainingManifest, type TrainingManifest } from '../records/training-manifest.ts';
import type { Lease } from '../registry/lease.ts';
import { claimManifest, registerCandidate } from '../registry/model-registry.ts';
import { type RegistryState, versionOf } from '../registry/registry-state.ts';
import { archiveConsumed } from './archive-consumed.ts';
import { assembleTrainingSet, hasBaseData, noBaseData } from './assemble-training-set.ts';
import type { Components } from './components.ts';
import { newName } from './new-name.ts';
import type { TrainOptions } from './relearn-api.ts';
import { openRunJournal, startingProgress } from './run-journal.ts';
import { isFeedbackSuspect, setAsideFatal } from './set-aside-poison.ts';
import type { ModelToCompare, TrainingRequest } from './trainer.ts';

/** Same seed, same data: same weights. */
const defaultSeed = 1;

const modelOf = (state: RegistryState, version: number | null): ModelToCompare | null => {
  if (version === null) return null;
  const { key, sha256: hash } = versionOf(state, version).entry.model;
  return { version, model: { key, sha256: hash } };
};

interface Start {
  readonly architecture: string;
  /** The version to start from; null = from scratch. */
  readonly parent: number | null;
}

/** @throws RelearnError usage/`no_champion`, usage/`architecture_mismatch` */
const chooseStart = (
  { settings }: Components,
  state: RegistryState,
  { from, architecture }: TrainOptions,
): Start => {
  const champion = state.champion === null ? null : versionOf(state, state.champion);
  if (from === 'champion' && !champion) {
    throw new RelearnError('usage', 'no_champion', 'There is no champion to start from.', {
      hint: 'Leave --from out, or use --from scratch.',
    });
  }
  if (from === 'scratch' || !champion) {
    return { architecture: architecture ?? settings.architecture, parent: null };
  }
  const own = champion.entry.architecture;
  if (architecture === undefined || architecture === own) {
    return { architecture: own, parent: champion.version };
  }
  if (from === undefined) return { architecture, parent: null };
  throw new RelearnError(
    'usage',
    'architecture_mismatch',
    `The champion is of the architecture ${own}; ${architecture} can't start from its weights.`,
    { hint: 'Use --from scratch, or leave --architecture out.' },
  );
};

const trainerOptions = (options: TrainOptions): TrainingRequest['options'] => {
  const { rounds, steps, patience, targetAccuracy, maxMinutes, batchSize, learningRate } = options;
  const given = { rounds, steps, patience, targetAccuracy, maxMinutes, batchSize, learningRate };
  return {
    seed: options.seed ?? defaultSeed,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  };
};

/** Writes down what the training is made from, and claims it in the log. */
const claim = async (
  { store, registry }: Components,
  lease: Lease,
  manifest: TrainingManifest,
): Promise<ObjectRef> => {
  const bytes = encodeTrainingManifest(manifest);
  const ref = { key: trainingManifestKey(manifest.runId), sha256: sha256(bytes) };
  await store.putIfAbsent(ref.key, bytes);
  await claimManifest(registry, lease, ref);
  return ref;
};

/** Trains while holding the lease. @param signal also aborted when the lease is lost */
export const trainHolding = async (
  components: Components,
  lease: Lease,
  options: TrainOptions,
  signal: AbortSignal,
): Promise<TrainReport> => {
  const { clock, registry, trainer, newId, log } = components;
  // What an earlier training consumed and could not tidy up any more.
  await archiveConsumed(components, await registry.read());
  const state = registry.state;
  const start = chooseStart(components, state, options);
  const runId = newName(clock.now(), newId());
  const startedAt = new Date(clock.now()).toISOString();
  const { seed, ...otherOptions } = trainerOptions(options);
  const set = await assembleTrainingSet(components, state, { fromScratch: start.parent === null });
  signal.throwIfAborted();
  const manifest = await claim(components, lease, {
    formatVersion: 1,
    runId,
    createdAt: startedAt,
    ...start,
    seed,
    options: otherOptions,
    ...set,
  });

  const journal = openRunJournal(components, runId);
  const run = { formatVersion: 1, id: runId, startedAt } as const;
  await journal.record({ ...run, version: null, points: [], report: null });
  const tell = (progress: Parameters<typeof journal.progress>[0]) => {
    journal.progress(progress);
    options.onProgress?.(progress);
  };
  tell(startingProgress(startedAt));
  log('info', 'Training started.', { runId, feedback: set.feedback.length, parent: start.parent });

  const outcome = await trainer(
    {
      runId,
      startedAt,
      manifest,
      initial: modelOf(state, start.parent),
      champion: modelOf(state, state.champion),
      suspectFeedback: isFeedbackSuspect(state),
      options: { seed, ...otherOptions },
    },
    {
      signal,
      onProgress: tell,
      onLine: (line) => options.onLine?.(line),
      onDecoding: async () => {},
    },
  ).catch(async (error: unknown) => {
    await setAsideFatal(components, error);
    throw error;
  });
  signal.throwIfAborted();
  const registered = await registerCandidate(registry, lease, outcome.candidate);
  const { version } = registered.version;
  const report: TrainReport = { version, ...outcome.report, gate: registered.gate };
  await journal.record({ ...run, version, points: outcome.points, report });
  log('info', `Version ${version} registered: ${registered.gate.verdict}.`, { runId, version });
  await archiveConsumed(components, registered.state).catch((error: unknown) => {
    // The version stands; the next training tidies up.
    log('warn', 'Consumed feedback was not archived yet.', { error: String(error) });
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
  const heartbeat = leases.keepAlive(lease, () =>
    lost.abort(
      new RelearnError('conflict', 'lease_lost', 'Another process has taken over the training.'),
    ),
  );
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

/** What can be refused at once, before anything is written. */
const checkRequest = async (components: Components, options: TrainOptions): Promise<void> => {
  const state = await components.registry.read();
  if (options.architecture !== undefined) {
    const { findArchitecture } = await import('../engine/nn/model-file.ts');
    findArchitecture(options.architecture);
  }
  chooseStart(components, state, options);
  if (!(await hasBaseData(components, state))) throw noBaseData();
};

/**
 * @throws RelearnError conflict/`already_training`, invalid/`no_base_data`, and usage errors where
 * the options don't fit this store
 */
export const train = async (
  components: Components,
  options: TrainOptions = {},
): Promise<TrainReport> => {
  await checkRequest(components, options);
  const { lease } = await components.leases.tryAcquire();
  if (!lease) {
    throw new RelearnError(
      'conflict',
      'already_training',
      'A training is running in this store (already-training).',
      { hint: 'Wait until it has ended; relearn status shows how far it is.' },
    );
  }
  return holdingLease(components, lease, options.signal, (signal) =>
    trainHolding(components, lease, options, signal),
  );
};
