/** The seam between the process that holds the lease and the one that computes. */
import type { ObjectRef } from '../../records/json-object.ts';
import type { TrainingProgress, TrainReport } from '../../records/reports.ts';
import type { RunPoint } from '../../records/run.ts';
import type { Candidate } from '../../registry/model-registry.ts';
import { type RegistryState, versionOf } from '../../registry/registry-state.ts';
import type { TransferOptions } from '../../training/fit-transfer.ts';

/** A version's model, as a training needs it. */
export interface ModelToCompare {
  readonly version: number;
  readonly model: ObjectRef;
}

export const modelOf = (state: RegistryState, version: number | null): ModelToCompare | null => {
  if (version === null) return null;
  const { key, sha256: hash } = versionOf(state, version).entry.model;
  return { version, model: { key, sha256: hash } };
};

/** Everything a training needs to know; plain JSON, because it may cross a process border. */
export interface TrainingRequest {
  readonly runId: string;
  /** Of the lease it trains under; what it uploads is named by it. */
  readonly epoch: number;
  readonly startedAt: string;
  /** What to train on; claimed in the log. */
  readonly manifest: ObjectRef;
  /** The weights to start from; null = from scratch. */
  readonly initial: ModelToCompare | null;
  /** What the gate compares with; null = there is no champion. */
  readonly champion: ModelToCompare | null;
  /** Trainings in a row before it that came to nothing; from three on the feedback is suspected. */
  readonly failures: number;
  readonly options: TransferOptions;
  /** Go on from the run's last checkpoint instead of starting anew. */
  readonly resume: boolean;
}

/** A candidate whose objects are all in the store, and what is told of it. */
export interface TrainingOutcome {
  readonly candidate: Candidate;
  readonly report: Omit<TrainReport, 'version'>;
  readonly points: readonly RunPoint[];
}

export interface TrainingWatch {
  readonly signal: AbortSignal;
  onProgress(progress: TrainingProgress): void;
  onLine(line: string): void;
  /** The curve so far, after each round. */
  onCurve(points: readonly RunPoint[]): void;
  /** Resolves once the parent knows that this object is decoded next. */
  onDecoding(key: string): Promise<void>;
}

/** Trains, evaluates and uploads; registers nothing. Can be stopped or killed at any moment. */
export type Trainer = (request: TrainingRequest, watch: TrainingWatch) => Promise<TrainingOutcome>;
