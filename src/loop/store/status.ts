/** What the store holds and what would happen next. */
import { countEach } from '../../base/count-each.ts';
import { isRelearnError } from '../../base/errors.ts';
import {
  feedbackLabelPrefix,
  feedbackPlaceOf,
  parseTrainingManifestKey,
} from '../../records/keys.ts';
import type { StatusReport, TrainingProgress, TrainReport } from '../../records/reports.ts';
import {
  type FeedbackQuery,
  lineageManifests,
  pendingFeedback,
} from '../../registry/feedback-index.ts';
import { readMisnamed } from '../../registry/read-misnamed.ts';
import { countQuarantined, readQuarantine } from '../../registry/read-quarantine.ts';
import type { LeaseRecord, RegistryState } from '../../registry/registry-state.ts';
import type { Components } from '../components.ts';
import { isOwnerDead } from '../process-owner.ts';
import { leaseEnd } from '../training/await-lease.ts';
import { findResumable } from '../training/resumable-run.ts';
import { readProgress, readRuns, startingProgress } from '../training/run-journal.ts';

/** For display only; whether a lease may be taken over is the lease desk's question. */
export const isHolderAlive = async (
  { store, clock, owner }: Pick<Components, 'store' | 'clock' | 'owner'>,
  lease: LeaseRecord,
): Promise<boolean> => {
  if (lease.owner === owner) return true;
  if (isOwnerDead(owner)(lease.owner)) return false;
  return clock.now() < (await leaseEnd({ store }, lease));
};

const currentTraining = async (
  components: Components,
  { lease, claims }: RegistryState,
): Promise<TrainingProgress | null> => {
  if (!lease || !(await isHolderAlive(components, lease))) return null;
  // Decided already, the lease's holder still archives: the run's last word holds until release.
  const claim = claims.findLast(({ epoch }) => epoch === lease.epoch);
  if (!claim) return startingProgress(lease.at);
  const runId = parseTrainingManifestKey(claim.manifest.key);
  const progress = runId === undefined ? null : await readProgress(components.store, runId);
  return progress ?? startingProgress(claim.at);
};

/** A crashed training's claim is void once somebody takes over; its feedback waits already now. */
const withoutDeadClaims = (state: RegistryState, isTraining: boolean): RegistryState =>
  isTraining
    ? state
    : { ...state, claims: state.claims.filter(({ outcome }) => outcome !== 'open') };

/** By number: two runs that began in one second don't sort by their names. */
const newestReport = (reports: readonly (TrainReport | null)[]): TrainReport | null =>
  reports.reduce(
    (newest, report) => ((report?.version ?? 0) > (newest?.version ?? 0) ? report : newest),
    null,
  );

/** Null where a manifest is damaged: what else is known is told all the same. */
const countBase = async (
  { basePictures, settings: { labels, labelIds } }: Components,
  state: RegistryState,
): Promise<StatusReport['base']> => {
  try {
    const rows = [...(await basePictures.at(state)).values()];
    const counts = countEach(rows.map(({ label }) => label));
    return Object.fromEntries(labels.map((label, i) => [label, counts[labelIds[i] ?? ''] ?? 0]));
  } catch (error) {
    if (!isRelearnError(error) || error.kind !== 'corrupt') throw error;
    return null;
  }
};

/** Answers that the champion's lineage has learnt, by the id of their label. */
const countLearnt = async ({
  state,
  readManifest,
}: FeedbackQuery): Promise<Readonly<Record<string, number>>> => {
  const manifests = await Promise.all(lineageManifests(state, state.champion).map(readManifest));
  return countEach(manifests.flatMap(({ feedback }) => feedback.map(({ labelId }) => labelId)));
};

export const readStatus = async (components: Components): Promise<StatusReport> => {
  const { registry, settings, store } = components;
  const state = await registry.read();
  const training = await currentTraining(components, state);
  const query = components.feedbackQuery(withoutDeadClaims(state, training !== null));
  const [base, waiting, runs, quarantine, misnamed] = await Promise.all([
    countBase(components, state),
    pendingFeedback(query),
    readRuns(store),
    readQuarantine(store),
    readMisnamed(store),
  ]);
  // Its manifests have been read for what waits.
  const learnt = await countLearnt(query);
  const byLabel = <T>(of: (labelId: string) => T): Readonly<Record<string, T>> =>
    Object.fromEntries(
      settings.labels.map((label, index) => [label, of(settings.labelIds[index] ?? '')]),
    );
  return {
    champion: state.champion,
    base,
    pending: byLabel((id) => waiting.items.get(id) ?? 0),
    learnt: byLabel((id) => learnt[id] ?? 0),
    folders: byLabel(feedbackLabelPrefix),
    unread: countEach(waiting.unread.map(feedbackPlaceOf)),
    threshold: settings.threshold,
    quarantined: countQuarantined(quarantine),
    misnamed: countEach(misnamed.objects.map(({ fault }) => fault)),
    training,
    leaseUntil:
      training && state.lease
        ? new Date(await leaseEnd(components, state.lease)).toISOString()
        : null,
    resumable: training ? null : ((await findResumable(components, state))?.run ?? null),
    lastRun: newestReport(runs.map(({ report }) => report)),
  };
};
