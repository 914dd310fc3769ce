/**
 * The computing side of a training: reads what the manifest names, fits, compares candidate and
 * champion on the same frozen holdout, and uploads model, card and TensorBoard file. Registers
 * nothing; what it uploaded without being registered is only waste.
 */
import type { Clock } from '../../base/clock.ts';
import { RelearnError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import type { LabelledPicture } from '../../data/pixel-cache.ts';
import { describeModel, findArchitecture } from '../../engine/nn/model-file.ts';
import type { Backbone } from '../../engine/nn/transfer.ts';
import { encodeJson, type ObjectRef } from '../../records/json-object.ts';
import type { Preprocessing } from '../../records/preprocessing.ts';
import { readVerified } from '../../records/read-verified.ts';
import type { TrainingProgress } from '../../records/reports.ts';
import type { RunPoint } from '../../records/run.ts';
import type { Settings } from '../../records/settings.ts';
import { decodeTrainingManifest } from '../../records/training-manifest.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { adviseNetwork } from '../../training/advise-network.ts';
import { type CurvePoint, type FitRequest, fit } from '../../training/fit.ts';
import { type FitTransferRequest, fitTransfer } from '../../training/fit-transfer.ts';
import { openBackbone } from './backbones.ts';
import { createEventFile } from './event-file.ts';
import { describeHeldBack, importMore } from './held-back.ts';
import { loadTrainingPictures, type TrainingPictures } from './load-training-pictures.ts';
import { presentCandidate } from './present-candidate.ts';
import { announceCheckpoints, createRunCheckpoints } from './run-checkpoints.ts';
import { startingProgress } from './run-journal.ts';
import { isFeedbackSuspect } from './set-aside-poison.ts';
import type { TrainingOutcome, TrainingRequest, TrainingWatch } from './trainer.ts';

export interface TrainingSite {
  readonly store: ObjectStore;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly threads: number;
  /** Vary pictures in a worker thread. Default true; it exists only in the built program. */
  readonly workers?: boolean;
}

/** A store's own architecture takes the store's size; any other its own default. */
const preprocessingFor = (architecture: string, settings: Settings): Preprocessing => {
  const { channels, imageSize, fixedSize } = findArchitecture(architecture);
  const size = fixedSize || architecture !== settings.architecture ? imageSize : settings.imageSize;
  return { width: size, height: size, channels, fit: 'fill' };
};

const squareOf = ({ imageSize, channels }: Backbone): Preprocessing => ({
  width: imageSize,
  height: imageSize,
  channels,
  fit: 'fill',
});

/** @param start the model to continue from: it knows the picture size where the file leaves it open */
const loadBackbone = async (
  { store, settings }: TrainingSite,
  ref: ObjectRef,
  start: Uint8Array | undefined,
): Promise<FitTransferRequest['backbone']> => {
  const isOwn = settings.backbone?.sha256 === ref.sha256;
  const known = start ? describeModel(start).preprocessing.width : undefined;
  const size = known ?? (isOwn ? settings.imageSize : undefined);
  return { sha256: ref.sha256, network: await openBackbone(await readVerified(store, ref), size) };
};

const checkLabels = (
  { labels }: Settings,
  { train, validation, holdout }: TrainingPictures,
): void => {
  const countOf = (pictures: readonly LabelledPicture[], index: number): number =>
    pictures.reduce((count, { label }) => count + (label === index ? 1 : 0), 0);
  const missing = labels.flatMap((label, index) =>
    countOf(train, index) > 0 ? [] : [{ label, index }],
  );
  if (missing.length === 0) return;
  const heldBack = missing
    .map(({ label, index }) =>
      describeHeldBack(
        { validation: countOf(validation, index), holdout: countOf(holdout, index) },
        ` of ${label}`,
      ),
    )
    .filter((text) => text !== '');
  throw new RelearnError(
    'invalid',
    'label_without_pictures',
    `There are no training pictures of ${missing.map(({ label }) => label).join(', ')}${heldBack.length > 0 ? `: ${heldBack.join('; ')}` : ''}.`,
    {
      hint:
        heldBack.length > 0
          ? importMore
          : 'Import pictures of every label: relearn import pictures/',
    },
  );
};

const toRunPoint = ({
  step,
  trainLoss,
  trainAccuracy,
  validationLoss,
  validationAccuracy,
}: CurvePoint): RunPoint => ({
  step,
  trainLoss,
  trainAccuracy,
  validationLoss,
  validationAccuracy,
});

export const runTraining = async (
  site: TrainingSite,
  request: TrainingRequest,
  watch: TrainingWatch,
): Promise<TrainingOutcome> => {
  const { store, settings, clock, threads } = site;
  const { runId, epoch, startedAt, initial, champion, failures, options } = request;
  let last: TrainingProgress = startingProgress(startedAt);
  const tell = (change: Partial<TrainingProgress>) => {
    last = { ...last, ...change };
    watch.onProgress(last);
  };

  tell({ phase: 'preparing' });
  const manifest = decodeTrainingManifest(
    await readVerified(store, request.manifest),
    request.manifest.key,
  );
  const { architecture } = manifest;
  const start = initial ? await readVerified(store, initial.model) : undefined;
  const backbone = manifest.backbone && (await loadBackbone(site, manifest.backbone, start));
  const preprocessing = backbone
    ? squareOf(backbone.network)
    : preprocessingFor(architecture, settings);
  const pictures = await loadTrainingPictures(
    { ...site, epoch, failures, log: (_level, message) => watch.onLine(message) },
    manifest,
    isFeedbackSuspect(request) ? watch.onDecoding : undefined,
  );
  checkLabels(settings, pictures);
  const { train, validation, holdout } = pictures;
  const advice = backbone || start ? undefined : adviseNetwork(settings.labels, train);
  if (advice) watch.onLine(advice);

  const checkpoints = createRunCheckpoints(
    site,
    runId,
    // The manifest stands for settings, seed and items; pictures that were set aside since count too.
    sha256(encodeJson([request.manifest.sha256, preprocessing, train.length, validation.length])),
  );
  const events = createEventFile(site, runId);
  const fitting: FitRequest = {
    architecture,
    labels: settings.labels,
    preprocessing,
    train,
    validation,
    options,
    threads,
    workers: site.workers ?? true,
    clock,
    signal: watch.signal,
    ...(start ? { initial: start } : {}),
    onProgress: (progress) => tell({ phase: 'training', ...progress }),
    onLine: watch.onLine,
    onRound: (curve) => {
      watch.onCurve(curve.map(toRunPoint));
      return true;
    },
    onEvents: events.add,
    checkpoints: announceCheckpoints(checkpoints, watch.onLine),
    resume: request.resume,
  };
  const transferred =
    backbone && (await fitTransfer({ ...fitting, options, backbone, holdout, store }));
  const fitted = transferred ?? (await fit(fitting));
  await events.close();

  tell({ phase: 'evaluating', secondsLeft: null });
  const { candidate, report } = await presentCandidate(site, {
    model: fitted.model,
    architecture,
    ...(manifest.backbone ? { backbone: manifest.backbone } : {}),
    holdout,
    champion,
    epoch,
    lineage: { runId, parent: initial?.version ?? null, manifest: request.manifest },
    training: fitted,
    ...(transferred ? { judge: transferred.judge } : {}),
    onPublishing: () => tell({ phase: 'publishing' }),
  });
  return { candidate, report, points: fitted.curve.map(toRunPoint) };
};
