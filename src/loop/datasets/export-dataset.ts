/**
 * Writes the store's pictures as shards for other trainers, with a manifest that says what they are.
 * Which picture goes into which shard is settled before the first one is written, by the log and
 * the names of the feedback alone: the same store gives the same files, byte for byte, and an export
 * that was stopped goes on after the last whole shard.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { RelearnError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { readShardPictures } from '../../data/shards.ts';
import type { Split } from '../../data/split.ts';
import {
  type DatasetFormat,
  type DatasetManifest,
  type DatasetShard,
  datasetManifestName,
  decodeUnfinished,
  encodeDatasetManifest,
  unfinishedName,
} from '../../records/dataset-manifest.ts';
import { decodeFeedbackItem, type FeedbackItem } from '../../records/feedback-item.ts';
import type { ImportRow } from '../../records/import-manifest.ts';
import { encodeJson } from '../../records/json-object.ts';
import {
  archiveLabelPrefix,
  feedbackLabelPrefix,
  itemPlaces,
  parseItemKey,
  settingsKey,
} from '../../records/keys.ts';
import type { FeedbackRow } from '../../records/training-manifest.ts';
import type { RegistryState } from '../../registry/registry-state.ts';
import { makeDirectoryPath } from '../../storage/durable-directory.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { Components } from '../components.ts';
import { readAnswerOrders } from '../feedback/latest-answer.ts';
import { type ExportedPicture, type ShardFormat, shardFormats } from './dataset-shards.ts';

export interface DatasetExportOptions {
  readonly format: DatasetFormat;
  /** Pictures in a shard; default: 1,000, and all of a part in the article's format. */
  readonly shardSize?: number;
  /** Also the pictures that judge models. Default false: who trains on them can't be judged here. */
  readonly withHoldout?: boolean;
  readonly signal?: AbortSignal;
}

export interface DatasetExportReport {
  /** Paths of the shards, then that of the manifest. */
  readonly files: readonly string[];
  readonly examples: number;
  readonly bytes: number;
  /** Of the manifest. */
  readonly sha256: string;
  readonly totals: DatasetManifest['totals'];
}

type Row = { readonly base: ImportRow } | { readonly feedback: FeedbackRow };

interface PlannedShard {
  readonly name: string;
  readonly split: Split;
  readonly rows: readonly Row[];
}

/** All answers, but for those about pictures that judge models. */
const feedbackRows = async (
  { settings, store }: Components,
  base: ReadonlyMap<string, ImportRow>,
): Promise<FeedbackRow[]> => {
  const rows: FeedbackRow[] = [];
  for (const labelId of settings.labelIds) {
    const found = new Map<string, FeedbackRow>();
    for (const prefix of [feedbackLabelPrefix(labelId), archiveLabelPrefix(labelId)]) {
      for await (const { key } of store.list(prefix)) {
        const hash = parseItemKey(key)?.sha256;
        if (hash === undefined || found.has(hash)) continue;
        const split = base.get(hash)?.split ?? 'train';
        if (split === 'train') found.set(hash, { key, labelId, sha256: hash });
      }
    }
    // Where an item lies says only whether it was consumed meanwhile.
    rows.push(...[...found.values()].sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1)));
  }
  return rows;
};

const readAnswer = async (store: ObjectStore, row: FeedbackRow): Promise<FeedbackItem> => {
  // It may have been archived since the plan was made.
  for (const place of itemPlaces(row)) {
    const bytes = await store.get(place);
    if (bytes) return decodeFeedbackItem(bytes, place);
  }
  throw changed(row.key);
};

/** One label for each picture, as trainings here take it, see {@link readAnswerOrders}. */
const answersThatCount = async (
  store: ObjectStore,
  rows: readonly FeedbackRow[],
): Promise<FeedbackRow[]> => {
  const labels = new Map<string, number>();
  for (const { sha256: hash } of rows) labels.set(hash, (labels.get(hash) ?? 0) + 1);
  const orderOf = await readAnswerOrders(store, rows);
  const last = new Map<string, string>();
  const orders = new Map<FeedbackRow, string>();
  for (const row of rows) {
    if (labels.get(row.sha256) === 1) continue;
    const { receivedAt } = (await readAnswer(store, row)).header;
    const order = orderOf(row, receivedAt);
    orders.set(row, order);
    if (order > (last.get(row.sha256) ?? '')) last.set(row.sha256, order);
  }
  return rows.filter((row) => orders.get(row) === last.get(row.sha256));
};

const planShards = (
  rows: { readonly [Part in Split]: readonly Row[] },
  splits: readonly Split[],
  format: ShardFormat,
  shardSize: number,
): PlannedShard[] =>
  splits.flatMap((split) => {
    const all = rows[split];
    const size = Math.min(shardSize, Math.max(1, all.length));
    const shards = Math.ceil(all.length / size);
    return Array.from({ length: shards }, (_, number) => ({
      name: format.fileName(split, number, shards),
      split,
      rows: all.slice(number * size, (number + 1) * size),
    }));
  });

async function* picturesOf(
  { settings, store }: Components,
  rows: readonly Row[],
): AsyncGenerator<ExportedPicture> {
  const describe = (labelId: string) => {
    const index = settings.labelIds.indexOf(labelId);
    return { index, label: settings.labels[index] ?? '' };
  };
  const base = rows.flatMap((row) => ('base' in row ? [row.base] : []));
  for await (const { row, bytes } of readShardPictures(store, base)) {
    const { sha256: hash, label } = row;
    yield { name: hash, sha256: hash, source: 'base', bytes, ...describe(label) };
  }
  for (const row of rows) {
    if ('base' in row) continue;
    const { labelId, sha256: hash } = row.feedback;
    const bytes = (await readAnswer(store, row.feedback)).image;
    yield {
      name: `${hash}-${labelId}`,
      sha256: hash,
      source: 'feedback',
      bytes,
      ...describe(labelId),
    };
  }
}

/** Under another name until it is whole: a file of its own name is a finished shard. */
const writeShard = async (
  components: Components,
  directory: string,
  { name, split, rows }: PlannedShard,
  format: ShardFormat,
  signal: AbortSignal | undefined,
): Promise<DatasetShard> => {
  const path = join(directory, name);
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(`${path}.partial`, 'w');
  try {
    const write = async (chunk: Uint8Array) => {
      hash.update(chunk);
      bytes += chunk.length;
      await file.writeFile(chunk);
    };
    for await (const picture of picturesOf(components, rows)) {
      signal?.throwIfAborted();
      await write(await format.encode(picture));
    }
    await write(format.end);
    await file.datasync();
  } catch (error) {
    await rm(`${path}.partial`, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(`${path}.partial`, path);
  return { name, split, count: rows.length, bytes, sha256: hash.digest('hex') };
};

const hashOfFile = async (path: string): Promise<string> => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
};

const insideStore = (directory: string): RelearnError =>
  new RelearnError('usage', 'inside_store', `${directory} is a store.`, {
    hint: 'Name an empty or new folder.',
  });

/** Shards of the same plan that are there and whole. */
const findWritten = async (
  directory: string,
  plan: string,
  planned: readonly PlannedShard[],
): Promise<DatasetShard[]> => {
  const there = new Set(await readdir(directory));
  if (there.has(settingsKey)) throw insideStore(directory);
  if (!there.has(unfinishedName)) {
    const taken = [datasetManifestName, ...planned.map(({ name }) => name)].find((name) =>
      there.has(name),
    );
    if (taken !== undefined) throw fileExists(join(directory, taken));
    return [];
  }
  const before = decodeUnfinished(await readFile(join(directory, unfinishedName)));
  if (before.plan !== plan) throw otherExport(directory);
  const whole: DatasetShard[] = [];
  for (const shard of before.shards) {
    const isWhole =
      there.has(shard.name) && (await hashOfFile(join(directory, shard.name))) === shard.sha256;
    if (isWhole) whole.push(shard);
  }
  return whole;
};

const writeWhole = async (path: string, bytes: Uint8Array): Promise<void> => {
  await writeFile(`${path}.partial`, bytes);
  await rename(`${path}.partial`, path);
};

/**
 * @throws RelearnError usage/`file_exists` where a file is there already, which is kept;
 * usage/`inside_store`, usage/`other_export` where another export was stopped there; conflict/`dataset_changed`
 */
export const exportDataset = async (
  components: Components,
  directory: string,
  options: DatasetExportOptions,
): Promise<DatasetExportReport> => {
  const { settings, registry, basePictures } = components;
  const state: RegistryState = await registry.read();
  const format = shardFormats[options.format];
  const base = await basePictures.at(state);
  const feedback = await feedbackRows(components, base);
  const answers = await answersThatCount(components.store, feedback);
  const answered = new Set(answers.map(({ sha256: hash }) => hash));
  // A base picture that people answered differently about is exported as they say.
  const known = [...base.values()].filter(
    (row) => settings.labelIds.includes(row.label) && !answered.has(row.sha256),
  );
  const of = (split: Split): Row[] =>
    known.filter((row) => row.split === split).map((row) => ({ base: row }));
  const rows = {
    train: [...of('train'), ...answers.map((row) => ({ feedback: row }))],
    validation: of('validation'),
    holdout: of('holdout'),
  };
  const splits: readonly Split[] = options.withHoldout
    ? ['train', 'validation', 'holdout']
    : ['train', 'validation'];
  const planned = planShards(rows, splits, format, options.shardSize ?? format.shardSize);
  const plan = sha256(
    encodeJson([
      options.format,
      settings.labels,
      planned.map(({ name, rows: own }) => [
        name,
        own.map((row) =>
          'base' in row
            ? [row.base.sha256, row.base.label]
            : [row.feedback.sha256, row.feedback.labelId, 'feedback'],
        ),
      ]),
    ]),
  );

  await makeDirectoryPath(directory).catch((cause: unknown) => {
    throw new RelearnError('invalid', 'invalid_path', `${directory} can't be created.`, {
      hint: 'Name a folder that this process may create or write to.',
      cause,
    });
  });
  const shards = await findWritten(directory, plan, planned);
  const unfinished = join(directory, unfinishedName);
  await writeWhole(unfinished, encodeJson({ plan, shards }));
  for (const shard of planned) {
    options.signal?.throwIfAborted();
    if (shards.some(({ name }) => name === shard.name)) continue;
    shards.push(await writeShard(components, directory, shard, format, options.signal));
    await writeWhole(unfinished, encodeJson({ plan, shards }));
  }

  const inOrder = planned.map(({ name }) =>
    shards.find((shard) => shard.name === name),
  ) as DatasetShard[];
  const totalOf = (split: Split) => {
    const own = inOrder.filter((shard) => shard.split === split);
    return {
      count: own.reduce((sum, shard) => sum + shard.count, 0),
      bytes: own.reduce((sum, shard) => sum + shard.bytes, 0),
    };
  };
  const totals = {
    train: totalOf('train'),
    validation: totalOf('validation'),
    holdout: totalOf('holdout'),
  };
  const manifest = encodeDatasetManifest({
    formatVersion: 1,
    format: options.format,
    labels: [...settings.labels],
    preprocessing: { imageSize: settings.imageSize, fit: 'fill' },
    shards: inOrder,
    totals,
    base: [...state.imports],
    feedback,
  });
  await writeWhole(join(directory, datasetManifestName), manifest);
  await rm(unfinished, { force: true });
  const sum = (of: 'count' | 'bytes') => splits.reduce((all, split) => all + totals[split][of], 0);
  return {
    files: [...inOrder.map(({ name }) => name), datasetManifestName].map((name) =>
      join(directory, name),
    ),
    examples: sum('count'),
    bytes: sum('bytes'),
    sha256: sha256(manifest),
    totals,
  };
};

const fileExists = (file: string) =>
  new RelearnError('usage', 'file_exists', `${file} exists already.`, {
    hint: 'Choose an empty folder, or remove the file.',
  });

const otherExport = (directory: string) =>
  new RelearnError(
    'usage',
    'other_export',
    `Another export was stopped in ${directory}, or the store holds other pictures by now.`,
    { hint: 'Choose an empty folder, or empty this one.' },
  );

const changed = (key: string) =>
  new RelearnError('conflict', 'dataset_changed', `${key} went away while it was to be exported.`, {
    hint: 'Export again, into an empty folder.',
  });
