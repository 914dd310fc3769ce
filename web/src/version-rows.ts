/** One row a version, from the list of versions and the reports of their runs. */
import type { RunSummary } from '../../src/loop/relearn-api.ts';
import type { GateReport, ModelsReport, Verdict } from '../../src/records/reports.ts';

export interface VersionRow {
  readonly version: number;
  readonly createdAt: string;
  readonly accuracy: number;
  /** Wilson score interval, 95 %; null where the run's report is gone. */
  readonly interval: readonly [number, number] | null;
  readonly verdict: Verdict;
  /** Null where the run's report is gone. */
  readonly gate: GateReport | null;
  readonly isChampion: boolean;
}

/** Oldest first. */
export const versionRows = (models: ModelsReport, runs: readonly RunSummary[]): VersionRow[] => {
  const reports = new Map(runs.map(({ version, report }) => [version, report]));
  return models.versions
    .map(({ version, createdAt, accuracy, verdict }) => ({
      version,
      createdAt,
      accuracy,
      verdict,
      interval: reports.get(version)?.holdout.interval ?? null,
      gate: reports.get(version)?.gate ?? null,
      isChampion: version === models.champion,
    }))
    .sort((left, right) => left.version - right.version);
};
