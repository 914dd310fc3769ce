/**
 * The library's face: one store, the three verbs and what surrounds them. The command line, the
 * server and the demo are written against this interface and nothing below it.
 */

import type { Normalization } from '../engine/onnx/normalize-pictures.ts';
import type { ExportFormat } from '../records/export-formats.ts';
import type { ModelCard } from '../records/model-card.ts';
import type {
  CheckReport,
  EvaluationReport,
  FeedbackReceipt,
  GarbageReport,
  ImportReport,
  InvokeReport,
  ModelsReport,
  PredictionReport,
  QuarantineReport,
  Rejected,
  RetryReport,
  StatusReport,
  TrainingProgress,
  TrainReport,
  Verdict,
} from '../records/reports.ts';
import type { Settings } from '../records/settings.ts';
import type { ChampionChange } from '../registry/registry-state.ts';
import type { TransferOptions } from '../training/fit-transfer.ts';
import type { DatasetExportOptions, DatasetExportReport } from './datasets/export-dataset.ts';
import type { ExportedModel, ExportOptions } from './models/export-version.ts';
import type { SubmitOptions } from './models/submit-model.ts';
import type { GarbageOptions } from './store/collect-garbage.ts';
import type { HubOptions } from './training/backbones.ts';

export interface ImportOptions {
  /** Inclusive range on the number in a file's name. */
  readonly ids?: readonly [number, number];
  readonly role?: 'base' | 'feedback' | 'holdout';
  readonly signal?: AbortSignal;
  /** Told, for people, where the labels came from. */
  onLine?(line: string): void;
  onProgress?(progress: { readonly done: number; readonly total: number | null }): void;
}

export interface TrainOptions extends Partial<TransferOptions>, HubOptions {
  /** Default: champion where there is one, else scratch. */
  readonly from?: 'champion' | 'scratch';
  /**
   * A name, the path of an ONNX file, or its place on a hub: `hf:owner/name/file`; default: the
   * champion's, else the store's.
   */
  readonly architecture?: string;
  /**
   * With an ONNX file: the name of the value in it that serves as features, [N,F], or [N,F,H,W],
   * which is averaged over the picture. What comes after it is not read. Default: what the file's
   * last layer reads.
   */
  readonly features?: string;
  /**
   * With an ONNX file: what its input is for a picture in 0..1, where the file does not normalize by
   * itself. Default: the picture.
   */
  readonly normalization?: Normalization;
  /** Go on with the training that was interrupted, as it was started; see `status().resumable`. */
  readonly resume?: boolean;
  readonly signal?: AbortSignal;
  onProgress?(progress: TrainingProgress): void;
  /** The lines of a round, as the article prints them: round, best accuracy, rounds left. */
  onLine?(line: string): void;
}

export interface ConsiderOptions extends Pick<TrainOptions, 'signal' | 'onProgress' | 'onLine'> {
  /**
   * Where another process holds the lease: wait until it shows that it lives, seconds, or its lease
   * runs out, half a minute. For hosts where nobody looks again soon. Default false.
   */
  readonly waitForLease?: boolean;
}

export interface FeedbackInput {
  /** The picture's bytes as received, or the id of a prediction whose picture was kept. */
  readonly picture?: Uint8Array;
  readonly predictionId?: string;
  readonly target?: string;
  /** Of the prediction: a target beside it must agree with it. */
  readonly verdict?: 'right' | 'wrong' | 'neither' | 'unsure';
  /** Who or what sent it, for provenance. */
  readonly source: string;
}

export interface Readiness {
  readonly ready: boolean;
  readonly reason: string | null;
  /** Of the error behind the reason, where one is known. */
  readonly code?: string;
}

/** Everything known of one version. */
export interface VersionDetails extends Omit<ModelCard, 'formatVersion'> {
  readonly version: number;
  readonly isChampion: boolean;
  readonly verdict: Verdict;
  /** The version itself, its parent, and so on to the first. */
  readonly lineage: readonly number[];
  /** Each time it became champion. */
  readonly champion: readonly Pick<ChampionChange, 'from' | 'at' | 'because'>[];
  readonly formats: readonly ExportFormat[];
}

export interface Relearn {
  readonly settings: Settings;
  /** Where the store is, for people. */
  readonly location: string;
  importPictures(paths: readonly string[], options?: ImportOptions): Promise<ImportReport>;
  train(options?: TrainOptions): Promise<TrainReport>;
  evaluate(options?: {
    readonly paths?: readonly string[];
    readonly version?: number;
    readonly signal?: AbortSignal;
  }): Promise<EvaluationReport>;
  /** Answers with the newest champion, or with `version` where one is named. */
  predict(picture: Uint8Array, options?: { readonly version?: number }): Promise<PredictionReport>;
  /** Durable before it resolves. Starts no training by itself; `considerTraining` does. */
  collectFeedback(input: FeedbackInput): Promise<FeedbackReceipt>;
  /** Treats any event as a hint: looks at the store, trains if every label has its threshold. */
  considerTraining(options?: ConsiderOptions): Promise<InvokeReport>;
  status(): Promise<StatusReport>;
  /**
   * Makes sure that no other store lies above or below this one; a few calls.
   * @throws RelearnError conflict/`store_overlaps`
   */
  checkPlace(): Promise<void>;
  /** Reads the whole store and holds it against its promises. */
  check(): Promise<CheckReport>;
  quarantine: {
    list(): Promise<QuarantineReport>;
    /**
     * Brings feedback back for another try, once the cause is gone; can be repeated.
     * @param wanted keys or ids as `list` gives them
     * @throws RelearnError not-found/`not_quarantined`
     */
    retry(wanted: 'all' | readonly string[]): Promise<RetryReport>;
  };
  /** Removes what nothing refers to. */
  collectGarbage(options?: GarbageOptions): Promise<GarbageReport>;
  models: {
    list(): Promise<ModelsReport>;
    /** Everything known of one version: metrics, gate, lineage, when it was champion and why. */
    show(version: number): Promise<VersionDetails>;
    promote(version: number): Promise<ModelsReport>;
    /**
     * Back to the champion before. Given again after it was cut off, it may go back once more; with
     * `to`, one of the champions before, it does not.
     */
    rollback(to?: number): Promise<ModelsReport>;
    /**
     * A file that any ONNX Runtime serves, measured on the holdout beside the original. Blocks this
     * thread while it calibrates and times.
     * @throws RelearnError invalid/`export_less_accurate` where it answers worse, unless forced
     */
    export(version: number, options?: ExportOptions): Promise<ExportedModel>;
    /**
     * Brings a classifier's ONNX file that was trained elsewhere to the gate, as a candidate.
     * @throws RelearnError invalid where the file can't be used, conflict/`already_training`
     */
    submit(path: string, options?: SubmitOptions): Promise<TrainReport>;
  };
  /**
   * Writes training and validation pictures as shards with a manifest, for trainers elsewhere.
   * @throws RelearnError usage/`file_exists`, usage/`other_export`, conflict/`dataset_changed`
   */
  exportDataset(directory: string, options: DatasetExportOptions): Promise<DatasetExportReport>;
  /** Whether a model answers, and if not, why. */
  readiness(): Promise<Readiness>;
  /** Whether the store can be read and written, and if not, why. Cheap: asked anew now and then. */
  storeReadiness(): Promise<Readiness>;
  /** Feedback items, newest first, for the page. */
  recentFeedback(
    limit: number,
  ): Promise<readonly { id: string; label: string; receivedAt: string; source: string }[]>;
  /** The curve of a run: one row per evaluation. */
  runs(): Promise<readonly RunSummary[]>;
  close(): Promise<void>;
}

export interface RunSummary {
  readonly id: string;
  readonly startedAt: string;
  readonly version: number | null;
  readonly points: readonly {
    readonly step: number;
    readonly trainLoss: number;
    readonly trainAccuracy: number;
    readonly validationLoss: number | null;
    readonly validationAccuracy: number;
  }[];
  readonly report: TrainReport | null;
}

export type {
  DatasetExportOptions,
  DatasetExportReport,
  ExportedModel,
  ExportOptions,
  Rejected,
  SubmitOptions,
};
