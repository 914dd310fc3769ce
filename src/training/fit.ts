/**
 * The training loop: rounds of steps with an evaluation on the validation pictures after each,
 * early stopping, and the best weights kept. It sees pictures and weights, never a store.
 */
import type { Clock } from '../base/clock.ts';
import type { Preprocessing } from '../records/preprocessing.ts';
import type { TrainingProgress, TrainReport } from '../records/reports.ts';

/** One stored picture (encoded bytes) and its class index. */
export interface LabelledPicture {
  readonly label: number;
  readonly bytes: Uint8Array;
}

/** One row of the learning curve, after each round. */
export interface CurvePoint {
  readonly step: number;
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  readonly trainTop2Accuracy: number;
  readonly validationLoss: number;
  readonly validationAccuracy: number;
}

export interface FitOptions {
  readonly rounds?: number;
  /** Training steps in a round; default: one epoch. */
  readonly steps?: number;
  readonly patience?: number;
  readonly targetAccuracy?: number;
  readonly maxMinutes?: number;
  readonly batchSize?: number;
  readonly learningRate?: number;
  readonly seed: number;
}

export interface FitRequest {
  /** A name of `architectures` (article, compact). */
  readonly architecture: string;
  readonly labels: readonly string[];
  readonly preprocessing: Preprocessing;
  readonly train: readonly LabelledPicture[];
  readonly validation: readonly LabelledPicture[];
  /** A model of the same architecture to continue from: the champion's model.onnx. */
  readonly initial?: Uint8Array;
  readonly options: FitOptions;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  onProgress?(progress: Omit<TrainingProgress, 'since' | 'phase'>): void;
  onLine?(line: string): void;
  /** Receives TensorBoard records (already framed), to be written as one event file. */
  onEvents?(record: Uint8Array): void;
}

export interface FitResult {
  /** The best round's weights as one servable ONNX file, metadata included. */
  readonly model: Uint8Array;
  readonly rounds: number;
  readonly steps: number;
  readonly stoppedBecause: TrainReport['stoppedBecause'];
  readonly seconds: number;
  readonly imagesPerSecond: number;
  readonly curve: readonly CurvePoint[];
}

/** Signature of `fit`. */
export type Fit = (request: FitRequest) => Promise<FitResult>;
