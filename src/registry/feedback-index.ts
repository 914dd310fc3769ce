/** Which feedback counts toward the threshold, and which the champion has not learnt from. */
import type { ObjectRef } from '../records/json-object.ts';
import type { Settings } from '../records/settings.ts';
import type { TrainingManifest } from '../records/training-manifest.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { RegistryState } from './registry-state.ts';

/** An object under `feedback/` or `archive/`. */
export interface FeedbackObject {
  readonly key: string;
  readonly labelId: string;
  /** Of the bytes as received; null for an object that Relearn did not write. */
  readonly sha256: string | null;
  readonly size: number;
  readonly modifiedAt: number;
}

/** Reads a training manifest and checks its hash; remembers it, because manifests never change. */
export type ManifestReader = (ref: ObjectRef) => Promise<TrainingManifest>;

export declare const createManifestReader: (store: ObjectStore) => ManifestReader;

export interface FeedbackQuery {
  readonly store: ObjectStore;
  readonly state: RegistryState;
  readonly settings: Settings;
  readonly readManifest: ManifestReader;
}

/**
 * Per label id, the items accepted since the last training began, those of void claims included.
 * Stops at `stopAt` items of a label, so that below the threshold it costs a bounded number of calls.
 */
export declare const pendingFeedback: (
  query: FeedbackQuery,
  options?: { readonly stopAt?: number },
) => Promise<ReadonlyMap<string, readonly FeedbackObject[]>>;

/** Everything under `feedback/` and `archive/` that is not in the champion's lineage. */
export declare const untrainedFeedback: (
  query: FeedbackQuery,
) => Promise<readonly FeedbackObject[]>;

/** Objects under `feedback/` that lie under no label's id, for quarantine. */
export declare const strayFeedback: (
  query: Pick<FeedbackQuery, 'store' | 'settings'>,
) => Promise<readonly string[]>;
