/**
 * Brings a model that was trained elsewhere to the gate: the same lease, holdout, gate and log
 * entries as a training of this program, only nothing is trained.
 */
import { readFile, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { RelearnError } from '../../base/errors.ts';
import type { AdoptedClassifier } from '../../engine/nn/adopt-classifier.ts';
import type { Normalization } from '../../engine/onnx/normalize-pictures.ts';
import type { TrainReport } from '../../records/reports.ts';
import { findLabel } from '../../records/resolve-label.ts';
import type { Settings } from '../../records/settings.ts';
import type { FeedbackRow, TrainingManifest } from '../../records/training-manifest.ts';
import type { Lease } from '../../registry/lease.ts';
import type { Components } from '../components.ts';
import { newName } from '../new-name.ts';
import { ofFile } from '../of-file.ts';
import { keepBackbone } from '../training/backbones.ts';
import { claimTraining } from '../training/claim-training.ts';
import { readBasePictures } from '../training/load-training-pictures.ts';
import { registerOutcome } from '../training/register-outcome.ts';
import { openRunJournal } from '../training/run-journal.ts';
import { alreadyTraining, holdingLease } from '../training/train-candidate.ts';
import { modelOf } from '../training/trainer.ts';
import { learntFromDataset } from './learnt-from-dataset.ts';

export interface SubmitOptions {
  /** Labels or aliases in the file's class-index order; default: what its metadata says. */
  readonly labels?: readonly string[];
  /** Rows and columns of its pictures, where the file leaves them open. */
  readonly imageSize?: number;
  /** What its input is for a picture in 0..1; default: what its metadata says, else the picture. */
  readonly normalization?: Normalization;
  /** The exported data set that it was trained on: the folder, or its manifest. */
  readonly dataset?: string;
  /** For people, kept on the version's card. */
  readonly note?: string;
  readonly signal?: AbortSignal;
}

/** What a submitted model learnt from, where that is known. */
export type Learnt = Pick<TrainingManifest, 'base'> & { readonly feedback: readonly FeedbackRow[] };

export interface Submission extends AdoptedClassifier {
  readonly note: string | undefined;
  readonly learnt: Learnt;
}

/** Bytes; the largest classifiers that are run on processors have a third of it. */
const largestFile = 1_500_000_000;

const invalid = (code: string, message: string, hint: string): RelearnError =>
  new RelearnError('invalid', code, message, { hint });

const readModelFile = async (path: string): Promise<Uint8Array> => {
  try {
    const { size } = await stat(path);
    if (size > largestFile)
      throw invalid(
        'model_too_large',
        `${path} has ${size} bytes, more than the ${largestFile} that a model may have.`,
        'Use a smaller network, or train an imported one here: relearn train --architecture FILE.onnx',
      );
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof RelearnError) throw cause;
    throw new RelearnError('invalid', 'model_file_not_found', `${path} can't be read.`, {
      hint: 'Name an ONNX file.',
      cause,
    });
  }
};

/** For each of the store's labels, the class index that the file gives it. */
const matchLabels = (settings: Settings, names: readonly string[] | undefined): number[] => {
  const { labels } = settings;
  if (!names)
    throw invalid(
      'labels_unknown',
      'The file does not say which label each of its classes has.',
      `Name them in its order, such as --labels ${labels.join(',')}, or write them into its metadata as relearn.labels.`,
    );
  const found = names.map((name) => findLabel(settings, name)?.label);
  const classOf = labels.map((label) => found.indexOf(label));
  const isMatch = names.length === labels.length && classOf.every((index) => index >= 0);
  if (isMatch) return classOf;
  throw invalid(
    'labels_mismatch',
    `The labels of the file are ${names.join(', ')}; those of the store are ${labels.join(', ')}.`,
    'Each label of the store must be named once, by itself or an alias, in the order of the file.',
  );
};

/**
 * Reads and checks a file; nothing is written.
 * @throws RelearnError invalid/`model_file_not_found`, `model_too_large`, `labels_unknown`,
 * `labels_mismatch`; as `learntFromDataset`, `readClassifierNotes` and `adoptClassifier`; internal/`model_output_invalid`
 */
export const readSubmission = async (
  components: Components,
  path: string,
  options: SubmitOptions,
): Promise<Submission> => {
  const { settings, openClassifier, log } = components;
  const bytes = await readModelFile(path);
  const { adoptClassifier, readClassifierNotes } = await import(
    '../../engine/nn/adopt-classifier.ts'
  );
  const notes = await ofFile(path, () => readClassifierNotes(bytes));
  const imageSize = options.imageSize ?? notes.imageSize;
  const normalization = options.normalization ?? notes.normalization;
  const adopted = await ofFile(path, () =>
    adoptClassifier(bytes, {
      name: basename(path),
      labels: settings.labels,
      classOf: matchLabels(settings, options.labels ?? notes.labels),
      ...(imageSize === undefined ? {} : { imageSize }),
      ...(normalization ? { normalization } : {}),
    }),
  );
  const classifier = await openClassifier(adopted.model);
  try {
    const { width, height, channels } = classifier.preprocessing;
    const picture = width * height * channels;
    // Black, grey, white: a model that overflows on the extremes is found before it is judged.
    const pixels = new Uint8Array(3 * picture).fill(128, picture).fill(255, 2 * picture);
    await classifier.classify(pixels, 3);
  } finally {
    await classifier.close();
  }
  if (notes.dataset !== undefined && options.dataset === undefined)
    log(
      'warn',
      'The model names the data set it was trained on: with --dataset its feedback counts as learnt.',
    );
  const learnt =
    options.dataset === undefined
      ? { base: [], feedback: [] }
      : await learntFromDataset(components, options.dataset, notes.dataset);
  return { ...adopted, note: options.note, learnt };
};

/** Judges and registers while holding the lease. @param signal also aborted when it is lost */
export const submitHolding = async (
  components: Components,
  lease: Lease,
  submission: Submission,
  signal: AbortSignal,
): Promise<TrainReport> => {
  const { basePictures, clock, newId, registry, settings, store } = components;
  const started = clock.monotonic();
  const state = await registry.read();
  const runId = newName(clock.now(), newId());
  const startedAt = new Date(clock.now()).toISOString();
  const backbone =
    submission.backbone && (await keepBackbone(components, lease, submission.backbone));
  const manifest = await claimTraining(components, lease, {
    formatVersion: 1,
    runId,
    createdAt: new Date(clock.now()).toISOString(),
    parent: null,
    architecture: submission.architecture,
    ...(backbone ? { backbone } : {}),
    seed: 0,
    options: { submitted: true },
    ...submission.learnt,
    replay: [],
  });
  const judges = [...(await basePictures.at(state)).values()].filter(
    ({ split }) => split === 'holdout',
  );
  const { holdout } = await readBasePictures(components, judges);
  const { presentCandidate } = await import('../training/present-candidate.ts');
  signal.throwIfAborted();
  const presented = await presentCandidate(
    { store, settings, clock, threads: availableParallelism() },
    {
      model: submission.model,
      architecture: submission.architecture,
      ...(backbone ? { backbone } : {}),
      holdout,
      champion: modelOf(state, state.champion),
      epoch: lease.epoch,
      lineage: { runId, parent: null, manifest },
      ...(submission.note === undefined ? {} : { note: submission.note }),
      training: {
        rounds: 0,
        steps: 0,
        stoppedBecause: 'submitted',
        seconds: (clock.monotonic() - started) / 1000,
        imagesPerSecond: 0,
      },
    },
  );
  signal.throwIfAborted();
  return registerOutcome(
    components,
    lease,
    { ...presented, points: [] },
    {
      journal: openRunJournal(components, runId),
      run: { formatVersion: 1, id: runId, startedAt },
      feedback: submission.learnt.feedback.length,
      signal,
    },
  );
};

/**
 * @param path an ONNX file
 * @throws RelearnError as `readSubmission`; conflict/`already_training`, conflict/`lease_lost`
 */
export const submitModel = async (
  components: Components,
  path: string,
  options: SubmitOptions = {},
): Promise<TrainReport> => {
  const submission = await readSubmission(components, path, options);
  const { lease } = await components.leases.tryAcquire();
  if (!lease) throw alreadyTraining();
  return holdingLease(components, lease, options.signal, (signal) =>
    submitHolding(components, lease, submission, signal),
  );
};
