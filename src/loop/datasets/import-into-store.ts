/** Brings labelled pictures into the store: base data by shards, feedback item by item. */
import { RelearnError } from '../../base/errors.ts';
import { forEachTogether } from '../../base/for-each-together.ts';
import { sha256 } from '../../base/hash.ts';
import { importPictures } from '../../data/import-pictures.ts';
import { findLostShards } from '../../data/lost-shards.ts';
import { openPictureSource, type SourceItem } from '../../data/picture-source.ts';
import { splitOf } from '../../data/split.ts';
import { encodeImportManifest, type ImportRow } from '../../records/import-manifest.ts';
import {
  archivePrefix,
  feedbackPrefix,
  importManifestKey,
  parseItemKey,
  shardKey,
} from '../../records/keys.ts';
import type { Conflict, ImportReport, Rejected } from '../../records/reports.ts';
import { findLabel } from '../../records/resolve-label.ts';
import { registerImport } from '../../registry/model-registry.ts';
import type { Components } from '../components.ts';
import { collectFeedback, type FeedbackContext } from '../feedback/collect-feedback.ts';
import { latestAnswer } from '../feedback/latest-answer.ts';
import { newName } from '../new-name.ts';
import type { ImportOptions } from '../relearn-api.ts';
import { refuseOwnDataset } from './refuse-own-dataset.ts';
import { tellLabels } from './tell-labels.ts';

type Counts = { train: number; validation: number; holdout: number };

const feedbackInFlight = 4;

const emptyCounts = (labels: readonly string[]): Record<string, Counts> =>
  Object.fromEntries(labels.map((label) => [label, { train: 0, validation: 0, holdout: 0 }]));

const openSource = (
  { settings, log }: Components,
  paths: readonly string[],
  { ids, onLine }: ImportOptions,
): AsyncIterable<SourceItem> => {
  const source = openPictureSource(paths, {
    ...(ids ? { ids } : {}),
    knowsLabel: (name) => findLabel(settings, name) !== undefined,
    labels: settings.labels,
  });
  return tellLabels(source, settings, { log, ...(onLine ? { onLine } : {}) });
};

interface Known {
  /** Whether the store has the picture: a base picture whose shard is lost it has not. */
  has(sha256: string): boolean;
  /** The label that trainings learn, or judge by. */
  labelOf(sha256: string): Promise<string | undefined>;
}

/** Everything the store has: base data, waiting and archived feedback. */
const readKnown = async (
  components: Components,
  base: ReadonlyMap<string, ImportRow>,
): Promise<Known> => {
  const { store } = components;
  const lost = new Set<string>();
  for await (const { key } of findLostShards(store, base.values())) lost.add(key);
  const answers = new Map<string, Set<string>>();
  for (const prefix of [feedbackPrefix, archivePrefix]) {
    for await (const { key } of store.list(prefix)) {
      const item = parseItemKey(key);
      if (!item) continue;
      const labels = answers.get(item.sha256) ?? new Set();
      answers.set(item.sha256, labels.add(item.labelId));
    }
  }
  return {
    has: (hash) => {
      const row = base.get(hash);
      return (row !== undefined && !lost.has(row.shard)) || answers.has(hash);
    },
    labelOf: async (hash) => {
      const row = base.get(hash);
      const labels = [...(answers.get(hash) ?? [])];
      if (row && (row.split !== 'train' || labels.length === 0)) return row.label;
      return labels.length > 1 ? latestAnswer(components, hash) : labels[0];
    },
  };
};

/** The label of an id, or the id where the settings no longer have it. */
const nameOf = ({ labels, labelIds }: Components['settings'], id: string): string =>
  labels[labelIds.indexOf(id)] ?? id;

const importBase = async (
  components: Components,
  source: AsyncIterable<SourceItem>,
  options: ImportOptions,
): Promise<ImportReport> => {
  const { store, settings, registry, clock, newId } = components;
  const base = await components.basePictures.at(await registry.read());
  const known = await readKnown(components, base);
  const importId = newName(clock.now(), newId());
  // What is imported again because it was lost keeps its part: the holdout is frozen.
  const splitFor = (hash: string) =>
    base.get(hash)?.split ?? (options.role === 'holdout' ? 'holdout' : splitOf(hash, settings));
  const { rows, duplicates, relabelled, rejected } = await importPictures({
    source,
    store,
    shardKey: (split, number) => shardKey(importId, split, number),
    resolveLabel: (label) => findLabel(settings, label),
    isDuplicate: known.has,
    knownLabel: known.labelOf,
    splitFor,
    ...(options.signal ? { signal: options.signal } : {}),
    onProgress: (done) => options.onProgress?.({ done, total: null }),
  });
  options.signal?.throwIfAborted();
  if (rows.length > 0) {
    const key = importManifestKey(importId);
    const createdAt = new Date(clock.now()).toISOString();
    const bytes = encodeImportManifest({ formatVersion: 1, importId, createdAt, rows });
    await store.putIfAbsent(key, bytes);
    // The one step that makes the pictures visible; until here a crash leaves only waste.
    await registerImport(registry, { key, sha256: sha256(bytes) });
  }
  const perLabel = emptyCounts(settings.labels);
  for (const { label, split } of rows) {
    const counts = perLabel[nameOf(settings, label)];
    if (counts) counts[split]++;
  }
  const isNew = new Set(rows.map((row) => row.sha256));
  const conflicts = relabelled.map(({ path, sha256: hash, labelId, knownAs }) => ({
    path,
    label: nameOf(settings, labelId),
    knownAs: nameOf(settings, knownAs),
    heldBack: (base.has(hash) || isNew.has(hash)) && splitFor(hash) !== 'train',
  }));
  return { imported: rows.length, duplicates, conflicts, rejected, perLabel };
};

const importFeedback = async (
  context: FeedbackContext,
  source: AsyncIterable<SourceItem>,
  { signal, onProgress }: ImportOptions,
): Promise<ImportReport> => {
  const { settings } = context;
  const base = await context.basePictures.at(await context.registry.read());
  const perLabel = emptyCounts(settings.labels);
  const rejected: Rejected[] = [];
  const conflicts: Conflict[] = [];
  let imported = 0;
  let duplicates = 0;
  let done = 0;

  const takeIn = async (item: SourceItem): Promise<void> => {
    signal?.throwIfAborted();
    if ('rejected' in item) {
      rejected.push({ path: item.path, reason: item.rejected });
    } else {
      try {
        const picture = await item.read();
        const receipt = await collectFeedback(context, {
          picture,
          target: item.label,
          source: 'import',
        });
        const label = findLabel(settings, item.label)?.label ?? item.label;
        const counts = perLabel[label];
        if (receipt.status === 'duplicate') {
          duplicates++;
          const knownAs = nameOf(settings, base.get(receipt.id)?.label ?? '');
          if (receipt.reason === 'held-back')
            conflicts.push({ path: item.path, label, knownAs, heldBack: true });
        } else {
          imported++;
          if (counts) counts.train++;
        }
      } catch (error) {
        if (!(error instanceof RelearnError) || error.kind !== 'invalid') throw error;
        rejected.push({ path: item.path, reason: error.code });
      }
    }
    onProgress?.({ done: ++done, total: null });
  };

  await forEachTogether(source, feedbackInFlight, takeIn);
  return { imported, duplicates, conflicts, rejected, perLabel };
};

/** @throws RelearnError invalid/`path_not_found`, invalid/`no_pictures`, invalid/`own_dataset` */
export const importIntoStore = async (
  components: Components & FeedbackContext,
  paths: readonly string[],
  options: ImportOptions = {},
): Promise<ImportReport> => {
  await refuseOwnDataset(components, paths);
  const source = openSource(components, paths, options);
  return options.role === 'feedback'
    ? importFeedback(components, source, options)
    : importBase(components, source, options);
};
