/** What a trainer hands over that computes nothing: model and card in the store, figures made up. */
import type { Clock } from '../src/base/clock.ts';
import { sha256 } from '../src/base/hash.ts';
import type { TrainingOutcome, TrainingRequest } from '../src/loop/training/trainer.ts';
import { uploadByContent } from '../src/loop/upload-by-content.ts';
import { modelCardKey, modelKey } from '../src/records/keys.ts';
import { encodeModelCard } from '../src/records/model-card.ts';
import type { GateReport } from '../src/records/reports.ts';
import type { ObjectStore } from '../src/storage/object-store.ts';

export const madeUpPreprocessing = { width: 4, height: 4, channels: 3, fit: 'fill' } as const;

const one = { n: 1, recall: 1, precision: 1 };
const measured = {
  n: 2,
  accuracy: 1,
  interval: [0.3, 1] as const,
  perLabel: { cat: one, dog: one },
  confusionMatrix: {
    labels: ['cat', 'dog'],
    rows: [
      [1, 0],
      [0, 1],
    ],
  },
};

/** @param bytes of the model, any bytes: nobody runs them */
export const uploadMadeUpOutcome = async (
  { store, clock }: { readonly store: ObjectStore; readonly clock: Clock },
  { runId, epoch, manifest, initial, champion }: TrainingRequest,
  bytes: Uint8Array,
  gate: GateReport,
): Promise<TrainingOutcome> => {
  const uploaded = await uploadByContent(store, modelKey(sha256(bytes), epoch), bytes);
  const model = { ...uploaded, size: bytes.length };
  const lineage = {
    runId,
    parent: initial?.version ?? null,
    comparedWith: champion?.version ?? null,
    manifest,
    architecture: 'compact',
  };
  const card = encodeModelCard({
    formatVersion: 1,
    createdAt: new Date(clock.now()).toISOString(),
    labels: ['cat', 'dog'],
    preprocessing: madeUpPreprocessing,
    model,
    metrics: { ...measured, top2Accuracy: 1, calibrationError: 0 },
    gate,
    gateTable: null,
    ...lineage,
  });
  return {
    candidate: {
      ...lineage,
      model,
      card: await uploadByContent(store, modelCardKey(model.sha256, epoch), card),
      accuracy: 1,
      holdoutSize: 2,
      gate,
    },
    report: {
      parent: lineage.parent,
      architecture: lineage.architecture,
      rounds: 1,
      steps: 1,
      stoppedBecause: 'rounds',
      seconds: 1,
      imagesPerSecond: 1,
      holdout: measured,
      gate,
    },
    points: [],
  };
};
