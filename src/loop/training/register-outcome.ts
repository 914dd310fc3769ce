/**
 * The end of every candidate: one entry in the log, the run's record, one line for whoever watches,
 * and consumed feedback moved out of the way where it was promoted.
 */
import type { TrainReport } from '../../records/reports.ts';
import type { RunRecord } from '../../records/run.ts';
import type { Lease } from '../../registry/lease.ts';
import { registerCandidate } from '../../registry/model-registry.ts';
import { trainingPatience } from '../../storage/bucket/limits.ts';
import type { Components } from '../components.ts';
import { archiveConsumed } from '../feedback/archive-consumed.ts';
import type { RunJournal } from './run-journal.ts';
import type { TrainingOutcome } from './trainer.ts';

export interface RunOfCandidate {
  readonly journal: RunJournal;
  readonly run: Pick<RunRecord, 'formatVersion' | 'id' | 'startedAt'>;
  /** Items learnt for the first time. */
  readonly feedback: number;
  /** Ends the waiting for a storage that is away. */
  readonly signal: AbortSignal;
}

/** @throws RelearnError conflict/`lease_lost`, unavailable where the storage stays away */
export const registerOutcome = async (
  components: Components,
  lease: Lease,
  outcome: TrainingOutcome,
  { journal, run, feedback, signal }: RunOfCandidate,
): Promise<TrainReport> => {
  const { registry, log } = components;
  const registered = await registerCandidate(registry, lease, outcome.candidate, {
    patience: trainingPatience,
    signal,
    onAway: ({ code, message }) =>
      log('warn', 'The storage is away; the training waits to register its version.', {
        runId: run.id,
        code,
        error: message,
      }),
  });
  const { version } = registered.version;
  const report: TrainReport = { version, ...outcome.report, gate: registered.gate };
  await journal.record({ ...run, version, points: outcome.points, report });
  log('info', trainingResultMessage, trainingResult(report, run.id, feedback));
  await archiveConsumed(components, registered.state).catch((error: unknown) => {
    // The version stands; the next training tidies up.
    log('warn', 'Consumed feedback was not archived yet.', { error: String(error) });
  });
  return report;
};

/** The same words after every training, so that one search of any log finds them all. */
const trainingResultMessage = 'relearn training result';

const trainingResult = (report: TrainReport, runId: string, feedback: number) => ({
  runId,
  version: report.version,
  parent: report.parent,
  verdict: report.gate.verdict,
  accuracyBefore: report.gate.championAccuracy,
  accuracyAfter: report.holdout.accuracy,
  holdout: report.holdout.n,
  pValue: report.gate.pValue,
  reasons: report.gate.reasons,
  feedback,
  rounds: report.rounds,
  stoppedBecause: report.stoppedBecause,
  seconds: report.seconds,
});
