/** What the training process and its parent say to each other. Plain JSON both ways. */
import { type ErrorKind, RelearnError } from '../../base/errors.ts';
import type { TrainingProgress } from '../../records/reports.ts';
import type { RunPoint } from '../../records/run.ts';
import type { Credentials } from '../../storage/open-store.ts';
import type { TrainingOutcome, TrainingRequest } from './trainer.ts';

/** The one message to the child; everything else it needs lies in the store. */
export interface TrainingOrder {
  readonly store: string;
  /** Threads of one operator. */
  readonly threads: number;
  readonly request: TrainingRequest;
  /** Of the store's bucket, where they are not those of the environment. */
  readonly credentials?: Credentials;
}

export interface SentError {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

export type TrainingMessage =
  | { readonly type: 'progress'; readonly progress: TrainingProgress }
  | { readonly type: 'line'; readonly line: string }
  | { readonly type: 'curve'; readonly points: readonly RunPoint[] }
  | { readonly type: 'decoding'; readonly key: string }
  | { readonly type: 'done'; readonly outcome: TrainingOutcome }
  | { readonly type: 'error'; readonly error: SentError };

export const toSentError = (error: unknown): SentError => {
  if (error instanceof RelearnError) {
    const { kind, code, message, hint, details } = error;
    return { kind, code, message, ...(hint ? { hint } : {}), ...(details ? { details } : {}) };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { kind: 'internal', code: 'training_failed', message };
};

export const fromSentError = ({ kind, code, message, ...rest }: SentError): RelearnError =>
  new RelearnError(kind, code, message, rest);
