/**
 * What every candidate goes through, wherever it was trained: candidate and champion answer the same
 * frozen holdout, the gate compares them, model and card are uploaded. Registers nothing.
 */
import { isRelearnError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import type { LabelledPicture } from '../../data/pixel-cache.ts';
import { describeModel } from '../../engine/nn/model-file.ts';
import { createClassifier } from '../../engine/runtime/create-classifier.ts';
import type { ObjectRef } from '../../records/json-object.ts';
import { modelCardKey, modelKey } from '../../records/keys.ts';
import { encodeModelCard, type ModelCard } from '../../records/model-card.ts';
import { readVerified } from '../../records/read-verified.ts';
import type { TrainReport } from '../../records/reports.ts';
import { decidePromotion } from '../../registry/promotion-gate.ts';
import { type Evaluation, evaluate } from '../../training/evaluate.ts';
import { uploadByContent } from '../upload-by-content.ts';
import { measure } from './measure.ts';
import type { TrainingSite } from './run-training.ts';
import type { ModelToCompare, TrainingOutcome } from './trainer.ts';

export interface CandidateToJudge {
  readonly model: Uint8Array;
  readonly architecture: string;
  readonly backbone?: ObjectRef;
  readonly holdout: readonly LabelledPicture[];
  /** What the gate compares with; null = there is no champion. */
  readonly champion: ModelToCompare | null;
  /** Of the lease under which it is to be registered. */
  readonly epoch: number;
  readonly lineage: {
    readonly runId: string;
    readonly parent: number | null;
    /** What it learnt from; null where nobody wrote that down. */
    readonly manifest: ObjectRef | null;
  };
  readonly note?: string;
  readonly training: Pick<
    TrainReport,
    | 'rounds'
    | 'steps'
    | 'stoppedBecause'
    | 'seconds'
    | 'imagesPerSecond'
    | 'start'
    | 'race'
    | 'transfer'
  >;
  /** A shorter way to a model's answers; undefined = ask the model itself. */
  judge?(model: Uint8Array): Promise<Evaluation | undefined>;
  onPublishing?(): void;
}

type Site = Pick<TrainingSite, 'store' | 'settings' | 'clock' | 'threads'>;

/** A model whose answers are not numbers gets every picture wrong; the gate says why. */
const unusable = (count: number, classes: number): Evaluation => ({
  predicted: new Int32Array(count).fill(-1),
  probabilities: new Float32Array(count * classes),
  loss: Number.POSITIVE_INFINITY,
  accuracy: 0,
  top2Accuracy: 0,
});

const evaluateModel = async (
  model: Uint8Array,
  pictures: readonly LabelledPicture[],
  { threads, settings }: Site,
): Promise<Evaluation> => {
  const classifier = await createClassifier(model, { threads });
  try {
    return await evaluate(classifier, pictures);
  } catch (error) {
    if (!isRelearnError(error, 'model_output_invalid')) throw error;
    return unusable(pictures.length, settings.labels.length);
  } finally {
    await classifier.close();
  }
};

/** @throws RelearnError corrupt where the champion's model is missing or damaged */
export const presentCandidate = async (
  site: Site,
  candidate: CandidateToJudge,
): Promise<Omit<TrainingOutcome, 'points'>> => {
  const { store, settings, clock } = site;
  const { architecture, backbone, holdout, champion, epoch, training } = candidate;
  const judge = async (model: Uint8Array) =>
    (await candidate.judge?.(model)) ?? evaluateModel(model, holdout, site);
  const answers = await judge(candidate.model);
  const opponent = champion ? await judge(await readVerified(store, champion.model)) : null;
  const { report: gate, table: gateTable } = decidePromotion({
    labels: settings.labels,
    truth: holdout.map(({ label }) => label),
    candidate: answers.predicted,
    champion: opponent?.predicted ?? null,
  });
  const { preprocessing, readout } = describeModel(candidate.model);
  const metrics = measure(settings.labels, holdout, answers, readout.temperature);

  candidate.onPublishing?.();
  const hash = sha256(candidate.model);
  const uploaded = await uploadByContent(store, modelKey(hash, epoch), candidate.model);
  const model = { ...uploaded, size: candidate.model.length };
  const lineage = { ...candidate.lineage, comparedWith: champion?.version ?? null };
  const { rounds, steps, stoppedBecause, seconds, imagesPerSecond, start, race, transfer } =
    training;
  const modelCard: ModelCard = {
    formatVersion: 1,
    createdAt: new Date(clock.now()).toISOString(),
    labels: settings.labels,
    preprocessing,
    architecture,
    ...(backbone ? { backbone } : {}),
    model,
    metrics,
    gate,
    gateTable,
    start,
    race,
    ...(transfer ? { transfer } : {}),
    ...(candidate.note === undefined ? {} : { note: candidate.note }),
    ...lineage,
  };
  const card = await uploadByContent(
    store,
    modelCardKey(model.sha256, epoch),
    encodeModelCard(modelCard),
  );
  const { n, accuracy, interval, perLabel, confusionMatrix } = metrics;
  return {
    candidate: { ...lineage, architecture, model, card, accuracy, holdoutSize: n, gate },
    report: {
      parent: lineage.parent,
      architecture,
      rounds,
      steps,
      stoppedBecause,
      seconds,
      imagesPerSecond,
      holdout: { n, accuracy, interval, perLabel, confusionMatrix },
      gate,
      start,
      race,
      ...(transfer ? { transfer } : {}),
    },
  };
};
