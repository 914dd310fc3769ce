/** Small true-to-life objects for tests of the registry: a store, a log, candidates, feedback. */
import { sha256 } from '../../src/base/hash.ts';
import { encodeFeedbackItem } from '../../src/records/feedback-item.ts';
import type { ObjectRef } from '../../src/records/json-object.ts';
import {
  feedbackKey,
  modelCardKey,
  modelKey,
  trainingManifestKey,
} from '../../src/records/keys.ts';
import { encodeModelCard } from '../../src/records/model-card.ts';
import type { Verdict } from '../../src/records/reports.ts';
import { encodeTrainingManifest, type FeedbackRow } from '../../src/records/training-manifest.ts';
import type { Candidate } from '../../src/registry/model-registry.ts';
import { openRegistryLog } from '../../src/registry/registry-log.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { createManualClock } from './manual-clock.ts';

export const at = '2026-01-01T00:00:00.000Z';

export const countingIds = (name: string): (() => string) => {
  let count = 0;
  return () => `${name}-${++count}`;
};

/** Another process: its own log reader and clock over the same store. */
export const openProcess = (store: ObjectStore, name: string, clock = createManualClock()) => {
  const newId = countingIds(name);
  return { store, clock, newId, owner: name, log: openRegistryLog(store, { clock, newId }) };
};

export const putItem = async (
  store: ObjectStore,
  labelId: string,
  name: string,
): Promise<FeedbackRow> => {
  const hash = sha256(Buffer.from(name));
  const key = feedbackKey(labelId, hash);
  const header = {
    formatVersion: 1 as const,
    sha256: hash,
    labelId,
    receivedAt: at,
    source: 'test',
    width: 1,
    height: 1,
    encoder: 'test',
  };
  await store.putIfAbsent(key, encodeFeedbackItem({ header, image: Buffer.from(name) }));
  return { key, labelId, sha256: hash };
};

const putHashed = async (
  store: ObjectStore,
  key: string,
  bytes: Uint8Array,
): Promise<ObjectRef> => {
  await store.putIfAbsent(key, bytes);
  return { key, sha256: sha256(bytes) };
};

export const putManifest = (
  store: ObjectStore,
  runId: string,
  feedback: readonly FeedbackRow[],
  parent: number | null = null,
  more: { readonly backbone?: ObjectRef } = {},
): Promise<ObjectRef> =>
  putHashed(
    store,
    trainingManifestKey(runId),
    encodeTrainingManifest({
      formatVersion: 1,
      runId,
      createdAt: at,
      parent,
      architecture: 'compact',
      seed: 1,
      options: {},
      base: [],
      feedback,
      replay: [],
      ...more,
    }),
  );

/** Uploads a model and its card, and says what the log will hold of them. */
export const putCandidate = async (
  store: ObjectStore,
  runId: string,
  manifest: ObjectRef | null,
  verdict: Verdict,
  parent: number | null = null,
): Promise<Candidate> => {
  const bytes = Buffer.from(`model of ${runId}`);
  const hash = sha256(bytes);
  const model = { ...(await putHashed(store, modelKey(hash, 1), bytes)), size: bytes.length };
  const gate = { verdict, championAccuracy: null, pValue: null, needed: null, reasons: [] };
  const shared = { runId, parent, comparedWith: parent, architecture: 'compact', manifest, gate };
  const card = encodeModelCard({
    ...shared,
    formatVersion: 1,
    createdAt: at,
    labels: ['cat', 'dog'],
    preprocessing: { width: 8, height: 8, channels: 1, fit: 'fill' },
    model,
    metrics: {
      n: 2,
      accuracy: 0.5,
      interval: [0, 1],
      top2Accuracy: 1,
      perLabel: {},
      confusionMatrix: { labels: ['cat', 'dog'], rows: [] },
      calibrationError: 0,
    },
    gateTable: null,
  });
  return {
    ...shared,
    model,
    card: await putHashed(store, modelCardKey(hash, 1), card),
    accuracy: 0.5,
    holdoutSize: 2,
  };
};
