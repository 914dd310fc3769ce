/**
 * The answers of the program, in the shapes that the command line prints with `--json` and the
 * server sends. Accuracies are fractions 0..1, times seconds, sizes bytes.
 */

import type { ExportFormat } from './export-formats.ts';

export interface Rejected {
  readonly path: string;
  readonly reason: string;
}

/** What `relearn fsck` found. */
export interface CheckReport {
  readonly ok: boolean;
  readonly problems: readonly {
    /** The promise that is broken: I1 nothing lost, I2 nothing learnt twice, I3 a log without holes, I4 everything named is whole, I5 one trainer, I9 nothing left over. */
    readonly invariant: string;
    readonly key: string;
    readonly message: string;
  }[];
  /** How many objects lie in quarantine and nowhere else, by reason. */
  readonly quarantined: Readonly<Record<string, number>>;
  /** How many objects were put under `feedback/` by hand and not looked at yet, by their folder. */
  readonly unread: Readonly<Record<string, number>>;
  /** Under `feedback/`, with names that are no keys: the next training moves what it can. */
  readonly misnamed: readonly Rejected[];
  /** Empty objects that stand for a folder there; they are passed over. */
  readonly folderMarkers: number;
}

/** What lies in quarantine and nowhere else. */
export interface QuarantineReport {
  readonly items: readonly {
    /** Its name in quarantine. */
    readonly id: string;
    /** Where it had lain; its name in quarantine where nobody knows. */
    readonly key: string;
    /** Null where its note is missing. */
    readonly reason: string | null;
    /** ISO 8601, UTC. */
    readonly at: string;
    /** Trainings in a row that had come to nothing. */
    readonly failures: number;
    readonly bytes: number;
  }[];
}

/** What was brought back from quarantine. */
export interface RetryReport {
  /** Where it had lain, as `relearn quarantine` lists it. */
  readonly returned: readonly string[];
  readonly failed: readonly Rejected[];
}

/** What `relearn gc` removed, or with --dry-run would remove. */
export interface GarbageReport {
  readonly removed: number;
  readonly bytes: number;
  readonly keys: readonly string[];
}

/** What `relearn store copy` did. */
export interface CopyReport {
  /** Objects that lie at the target now, those of an earlier try among them. */
  readonly objects: number;
  /** How many of them were written now; the others were there already. */
  readonly copied: number;
  readonly bytes: number;
  readonly seconds: number;
  /** How many of them were read back and equal the source by size and SHA-256. */
  readonly verified: number;
  /** Objects of the source that are missing, or whose bytes are not what was stored. Not copied. */
  readonly damaged: readonly { readonly key: string; readonly message: string }[];
  /** What lies under `feedback/` of the source under names that are no keys. It was not copied. */
  readonly misnamed: readonly Rejected[];
  /**
   * What the target can't hold under its name, such as a file where it has a folder, or may not hold,
   * because it is called like a folder of the store. It was not copied.
   */
  readonly leftOut: readonly Rejected[];
}

export interface InitReport {
  readonly labels: readonly string[];
  readonly aliases: Readonly<Record<string, string>>;
  readonly architecture: string;
  /** Of an imported network: how many blocks `train --fine-tune` can let learn. */
  readonly blocks?: number;
  readonly imageSize: number;
  readonly threshold: number;
  readonly holdout: number;
  readonly validation: number;
}

/** A picture that comes under another label than the store knows for it: what the store knows stays. */
export interface Conflict {
  readonly path: string;
  /** Under which it came now. */
  readonly label: string;
  readonly knownAs: string;
  /** Whether it judges models (validation or holdout): then no answer changes its label either. */
  readonly heldBack: boolean;
}

export interface ImportReport {
  /** New pictures of all three splits. */
  readonly imported: number;
  readonly duplicates: number;
  /** Those of the duplicates whose label is another one now. */
  readonly conflicts: readonly Conflict[];
  readonly rejected: readonly Rejected[];
  readonly perLabel: Readonly<
    Record<
      string,
      { readonly train: number; readonly validation: number; readonly holdout: number }
    >
  >;
}

export interface ConfusionMatrix {
  readonly labels: readonly string[];
  /** rows[truth][predicted]. */
  readonly rows: readonly (readonly number[])[];
}

/** What temperature scaling did to a model (Guo et al. 2017). */
export interface CalibrationReport {
  /** What its logits are divided by; fitted on the validation pictures. */
  readonly temperature: number;
  /** The calibration error that it would have without. */
  readonly errorBefore: number;
}

/** What a model answers on pictures whose labels are known. */
export interface HoldoutMetrics {
  readonly n: number;
  readonly accuracy: number;
  /** Wilson score interval, 95 %. */
  readonly interval: readonly [number, number];
  readonly top2Accuracy: number;
  readonly perLabel: Readonly<
    Record<
      string,
      { readonly n: number; readonly recall: number | null; readonly precision: number | null }
    >
  >;
  readonly confusionMatrix: ConfusionMatrix;
  /** Expected calibration error over 15 bins of equal width (Guo et al. 2017). */
  readonly calibrationError: number;
}

export interface EvaluationReport extends HoldoutMetrics {
  readonly version: number;
  readonly calibration: CalibrationReport;
  readonly rejected: readonly Rejected[];
}

export type Verdict = 'promote' | 'reject' | 'not-enough-evidence' | 'first';

/** One finding of the gate, in code and numbers, for whoever words it. Shares are fractions. */
export type GateFinding =
  | {
      readonly code: 'better' | 'not_enough_evidence';
      /** Holdout pictures. */
      readonly n: number;
      /** Of them, those that only one of the two got right. */
      readonly onlyCandidate: number;
      readonly onlyChampion: number;
    }
  | { readonly code: 'worse'; readonly n: number; readonly drop: number; readonly pValue: number }
  | {
      readonly code: 'class_regression';
      readonly label: string;
      readonly drop: number;
      readonly pValue: number;
    }
  /** The candidate never predicts this label. */
  | { readonly code: 'collapsed'; readonly label: string }
  /** The output for so many of n holdout pictures is not a number. */
  | { readonly code: 'non_finite'; readonly n: number; readonly broken: number }
  | { readonly code: 'empty_holdout' }
  /** This version became champion during the training. */
  | { readonly code: 'champion_changed'; readonly version: number | null };

export interface GateReport {
  readonly verdict: Verdict;
  readonly championAccuracy: number | null;
  /** Exact one-sided McNemar; null for a first model. */
  readonly pValue: number | null;
  /**
   * Holdout pictures that would decide at this gain, or at a gain of one point where none was seen;
   * null where the verdict is final.
   */
  readonly needed: number | null;
  /** The findings in English, each behind its code. */
  readonly reasons: readonly string[];
  /** Absent in reports of earlier releases, and where a later one found what is not known here. */
  readonly findings?: readonly GateFinding[] | undefined;
}

/** What two short trainings came to, one from the champion's weights and one from fresh ones. */
export interface RaceResult {
  readonly rounds: number;
  /** Lowest validation loss; null where the training diverged. */
  readonly championLoss: number | null;
  readonly scratchLoss: number | null;
}

/** What a training did with an imported network. */
export interface TransferReport {
  /** How many blocks the network has. */
  readonly blocks: number;
  /** How many of its last blocks were let learn after the head; 0 = a new head alone. */
  readonly tuned: number;
  /** Whether that was kept: only where the validation pictures were answered better with it. */
  readonly kept: boolean;
  /** Validation losses with the new head alone and after the blocks had learnt; null = not compared. */
  readonly headLoss: number | null;
  readonly tunedLoss: number | null;
  /** Whether it looks at each picture and its mirror image. */
  readonly mirror: boolean;
}

export interface TrainReport {
  readonly version: number;
  readonly parent: number | null;
  readonly architecture: string;
  readonly rounds: number;
  readonly steps: number;
  readonly stoppedBecause:
    | 'patience'
    | 'rounds'
    | 'target-accuracy'
    | 'minutes'
    | 'schedule-finished'
    /** Trained elsewhere and handed in: no round was trained here. */
    | 'submitted';
  readonly seconds: number;
  readonly imagesPerSecond: number;
  readonly holdout: {
    readonly n: number;
    readonly accuracy: number;
    readonly interval: readonly [number, number];
    readonly perLabel: EvaluationReport['perLabel'];
    readonly confusionMatrix: ConfusionMatrix;
  };
  readonly gate: GateReport;
  /** What the weights started as; absent in reports of earlier releases. */
  readonly start?: 'champion' | 'scratch' | undefined;
  /** How that start was chosen; null = without a race. */
  readonly race?: RaceResult | null | undefined;
  /** Where the architecture is an imported network. */
  readonly transfer?: TransferReport | undefined;
}

/** One prediction as `/predict` answers it. */
export interface PredictionReport {
  readonly result: Readonly<Record<string, number>>;
  readonly label: string;
  readonly version: number;
  readonly predictionId: string;
}

export type FeedbackStatus = 'accepted' | 'duplicate' | 'review';

export interface FeedbackReceipt {
  readonly result: true;
  readonly id: string;
  readonly status: FeedbackStatus;
  /** Why a duplicate's new label changes nothing: the picture judges models. */
  readonly reason?: 'held-back';
}

export type InvokeReport = {
  readonly result:
    | { readonly trained: true; readonly version: number; readonly gate: GateReport }
    | {
        readonly trained: false;
        readonly reason:
          | 'below-threshold'
          | 'already-training'
          | 'not-our-event'
          | 'no-base-data'
          | 'nothing-new';
      };
};

export interface VersionSummary {
  readonly version: number;
  readonly parent: number | null;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly accuracy: number;
  readonly verdict: Verdict;
}

export interface ModelsReport {
  readonly champion: number | null;
  readonly versions: readonly VersionSummary[];
}

/** Two files of one version, the exported and the original one, on the frozen holdout. */
export interface ExportMeasurement {
  readonly n: number;
  /** Null where there is no holdout picture. */
  readonly accuracy: number | null;
  /** Wilson score interval, 95 %. */
  readonly interval: readonly [number, number];
  readonly originalAccuracy: number | null;
  /** Pictures on which the two name different labels. */
  readonly disagreements: number;
  /** Pictures that only one of the two got right. */
  readonly onlyExported: number;
  readonly onlyOriginal: number;
}

/** Milliseconds a picture on one thread, by how many are asked at once. */
export interface AnswerTimes {
  readonly batch1: number;
  readonly batch8: number;
}

export interface ExportReport extends ExportMeasurement {
  readonly version: number;
  readonly format: ExportFormat;
  readonly bytes: number;
  readonly originalBytes: number;
  /** Of the exported file. */
  readonly sha256: string;
  /** Medians, measured in turns in one run on this machine. */
  readonly msPerPicture: AnswerTimes;
  readonly originalMsPerPicture: AnswerTimes;
  /** Whether it was to be written whatever it measured. */
  readonly forced: boolean;
}

/** How far a running training is; what the page and `status` show. */
export interface TrainingProgress {
  readonly since: string;
  readonly phase: 'preparing' | 'training' | 'evaluating' | 'publishing';
  readonly round: number;
  /** Rounds planned, where a schedule says so. */
  readonly rounds: number | null;
  readonly epoch: number;
  readonly step: number;
  /** Steps planned in all. */
  readonly steps: number | null;
  readonly loss: number | null;
  readonly bestAccuracy: number | null;
  /** The article's counter: rounds without improvement that are still allowed. */
  readonly roundsLeft: number;
  readonly imagesPerSecond: number;
  readonly secondsLeft: number | null;
}

/** A training that was interrupted and left a checkpoint. */
export interface ResumableRun {
  readonly id: string;
  readonly startedAt: string;
  readonly savedAt: string;
  /** Whole rounds and steps up to the checkpoint. */
  readonly rounds: number;
  readonly step: number;
}

export interface StatusReport {
  readonly champion: number | null;
  /** Imported pictures per label, the holdout among them; null where an import's manifest is damaged. */
  readonly base: Readonly<Record<string, number>> | null;
  /** Items that count toward the threshold, per label. */
  readonly pending: Readonly<Record<string, number>>;
  /** Items that the champion and the versions before it have learnt, per label. */
  readonly learnt: Readonly<Record<string, number>>;
  readonly threshold: number;
  /** Per label, where pictures of it may be put by hand. */
  readonly folders: Readonly<Record<string, string>>;
  /** How many objects were put under `feedback/` by hand and not looked at yet, by their folder. */
  readonly unread: Readonly<Record<string, number>>;
  /** How many objects lie in quarantine and nowhere else, by reason. */
  readonly quarantined: Readonly<Record<string, number>>;
  /** How many objects under `feedback/` have names that are no keys, by what is wrong with them. */
  readonly misnamed: Readonly<Record<string, number>>;
  readonly training: TrainingProgress | null;
  /** When the running training is taken as cut off unless its process shows by then that it lives. */
  readonly leaseUntil: string | null;
  /** What `relearn train --resume` would go on with. */
  readonly resumable: ResumableRun | null;
  readonly lastRun: TrainReport | null;
}
