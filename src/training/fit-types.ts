/** What a training is asked for and what it answers. */
import type { Clock } from '../base/clock.ts';
import type { LabelledPicture } from '../data/pixel-cache.ts';
import type { Architecture } from '../engine/nn/architectures.ts';
import type { Device } from '../records/devices.ts';
import type { Preprocessing } from '../records/preprocessing.ts';
import type {
  RaceResult,
  TrainingProgress,
  TrainReport,
  TransferReport,
} from '../records/reports.ts';
import type { Checkpoints } from './training-state.ts';

/** One row of the learning curve, after each round. */
export interface CurvePoint {
  readonly step: number;
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  readonly trainTop2Accuracy: number;
  readonly validationLoss: number;
  readonly validationAccuracy: number;
}

export type { RaceResult };

export interface FitOptions {
  /** Most rounds to run; a round is `steps` training steps and one evaluation. */
  readonly rounds?: number;
  /** Training steps in a round; default: one epoch, or 20 where an epoch is shorter. */
  readonly steps?: number;
  /** Rounds without improvement before the run ends. */
  readonly patience?: number;
  /** Validation accuracy, 0..1, at which the run ends. */
  readonly targetAccuracy?: number;
  readonly maxMinutes?: number;
  readonly batchSize?: number;
  /** Peak of the schedule. */
  readonly learningRate?: number;
  /**
   * Where there is a model to continue from: try a fresh start as well, and go on from the better
   * one; see race.ts. Default false.
   */
  readonly race?: boolean;
  /** Where training steps run; all else runs on the processor. Default cpu. */
  readonly device?: Device;
  /** The same seed, data and settings give the same weights on the same machine. */
  readonly seed: number;
}

export interface FitRequest {
  /** A name of `architectures` (article, compact), or any name beside a `network`. */
  readonly architecture: string;
  /** Default: the architecture of that name. */
  readonly network?: Architecture;
  /** SHA-256 of the file that the network was imported from. */
  readonly backbone?: string;
  readonly labels: readonly string[];
  /** Of the pictures to train on; the model answers on larger ones where its recipe says so. */
  readonly preprocessing: Preprocessing;
  readonly train: readonly LabelledPicture[];
  /** Decides which round was best and when to stop; without any, the training loss does. */
  readonly validation: readonly LabelledPicture[];
  /**
   * A model of the same architecture and size to continue from: the champion's model.onnx. Where its
   * labels differ, classes are matched by name (see head-surgery.ts).
   */
  readonly initial?: Uint8Array;
  readonly options: FitOptions;
  readonly threads: number;
  /** Vary pictures in a worker thread. Default true. */
  readonly workers?: boolean;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** Where the run notes how far it is, to go on from there. Default: in memory. */
  readonly checkpoints?: Checkpoints;
  /** Go on from the last checkpoint, where there is one. Default false. */
  readonly resume?: boolean;
  onProgress?(progress: Omit<TrainingProgress, 'since' | 'phase'>): void;
  /** Called after each round; `false` ends the run there. */
  onRound?(curve: readonly CurvePoint[]): boolean | undefined;
  onLine?(line: string): void;
  /** Receives TensorBoard records (already framed), to be written as one event file. */
  onEvents?(record: Uint8Array): void;
}

export interface FitResult {
  /** What the weights started as. */
  readonly start: 'champion' | 'scratch';
  /** null = there was none. */
  readonly race: RaceResult | null;
  /** What became of the imported network, where there is one. */
  readonly transfer?: TransferReport;
  /** The best round's weights as one servable ONNX file, metadata included. */
  readonly model: Uint8Array;
  readonly rounds: number;
  readonly steps: number;
  readonly stoppedBecause: TrainReport['stoppedBecause'];
  readonly seconds: number;
  readonly imagesPerSecond: number;
  readonly curve: readonly CurvePoint[];
}
