/**
 * What a run leaves for others to see: how far it is, and in the end its curve and report. Nothing
 * rests on these objects; a run whose journal can't be written goes on.
 */

import { z } from 'zod';
import { decodeJson, encodeJson } from '../../records/json-object.ts';
import { parseRunRecordKey, runFileKey, runRecordKey, runsPrefix } from '../../records/keys.ts';
import type { TrainingProgress } from '../../records/reports.ts';
import { decodeRunRecord, encodeRunRecord, type RunRecord } from '../../records/run.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { Components } from '../components.ts';

/** Milliseconds between two writes of the progress. */
const writeInterval = 2_000;

const number = z.number();
const progressSchema: z.ZodType<TrainingProgress> = z.object({
  since: z.string(),
  phase: z.enum(['preparing', 'training', 'evaluating', 'publishing']),
  round: number,
  rounds: number.nullable(),
  epoch: number,
  step: number,
  steps: number.nullable(),
  loss: number.nullable(),
  bestAccuracy: number.nullable(),
  roundsLeft: number,
  imagesPerSecond: number,
  secondsLeft: number.nullable(),
});

const progressKey = (runId: string) => runFileKey(runId, 'progress.json');

/** A run that has not come to its first step. */
export const startingProgress = (since: string): TrainingProgress => ({
  since,
  phase: 'preparing',
  round: 0,
  rounds: null,
  epoch: 0,
  step: 0,
  steps: null,
  loss: null,
  bestAccuracy: null,
  roundsLeft: 0,
  imagesPerSecond: 0,
  secondsLeft: null,
});

export interface RunJournal {
  /** Notes where the run is; written now and then. */
  progress(progress: TrainingProgress): void;
  /** Writes the run's record. */
  record(run: RunRecord): Promise<void>;
}

export const openRunJournal = (
  { store, clock, log }: Pick<Components, 'store' | 'clock' | 'log'>,
  runId: string,
): RunJournal => {
  let lastWrite = Number.NEGATIVE_INFINITY;
  let lastPhase: TrainingProgress['phase'] | undefined;
  const warn = (error: unknown) =>
    log('warn', 'The journal of a run could not be written.', { runId, error: String(error) });
  return {
    progress: (progress) => {
      const now = clock.monotonic();
      if (progress.phase === lastPhase && now - lastWrite < writeInterval) return;
      lastWrite = now;
      lastPhase = progress.phase;
      store.put(progressKey(runId), encodeJson(progress)).catch(warn);
    },
    record: (run) => store.put(runRecordKey(runId), encodeRunRecord(run)).catch(warn),
  };
};

/** The last progress that a run wrote; undefined where it wrote none that can be read. */
export const readProgress = async (
  store: ObjectStore,
  runId: string,
): Promise<TrainingProgress | undefined> => {
  const key = progressKey(runId);
  const bytes = await store.get(key);
  if (!bytes) return undefined;
  try {
    return decodeJson(progressSchema, bytes, key);
  } catch {
    return undefined;
  }
};

/** Records of all runs, oldest first; a damaged one is left out. */
export const readRuns = async (store: ObjectStore): Promise<RunRecord[]> => {
  const runs: RunRecord[] = [];
  for await (const { key } of store.list(runsPrefix)) {
    if (parseRunRecordKey(key) === undefined) continue;
    const bytes = await store.get(key);
    if (!bytes) continue;
    try {
      runs.push(decodeRunRecord(bytes, key));
    } catch {
      // Only a picture of the past; fsck names what is damaged.
    }
  }
  return runs;
};
