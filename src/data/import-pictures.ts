/**
 * From a picture source to shards in the store and the rows of an import manifest. Pictures are
 * decoded side by side; everything that is decided about them is decided in the source's order.
 */
import { availableParallelism } from 'node:os';
import { pMapIterable } from 'p-map';
import { isRelearnError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import type { ImportRow } from '../records/import-manifest.ts';
import type { Rejected } from '../records/reports.ts';
import type { ResolvedLabel } from '../records/resolve-label.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { type NormalizedImage, normalizeImage } from './decode-image.ts';
import { createShardWriter, encodeShardRecord, type ShardWriter } from './shards.ts';
import type { SourceItem } from './source-picture.ts';
import type { Split } from './split.ts';

export interface ImportPicturesOptions {
  readonly source: AsyncIterable<SourceItem>;
  readonly store: ObjectStore;
  /** Key of the n-th shard of a split; no other import may use it. */
  shardKey(split: Split, number: number): string;
  /** The label that a name as written stands for, or undefined where it is unknown. */
  resolveLabel(name: string): ResolvedLabel | undefined;
  /** Whether the store already has this picture. Duplicates inside the source are found here. */
  isDuplicate(sha256: string): boolean;
  /** The id of the label that the store knows for this picture, also where its bytes were lost. */
  knownLabel(sha256: string): Promise<string | undefined>;
  splitFor(sha256: string): Split;
  /** Pictures decoded at once. */
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  /** Called after each item with the count so far. */
  onProgress?(done: number): void;
}

/** A picture that comes under another label than it is known by. */
export interface Relabelled {
  readonly path: string;
  readonly sha256: string;
  /** Ids of labels: now, and before. */
  readonly labelId: string;
  readonly knownAs: string;
}

export interface ImportedPictures {
  /** One for each new picture, in the order of the source. */
  readonly rows: readonly ImportRow[];
  readonly duplicates: number;
  readonly relabelled: readonly Relabelled[];
  readonly rejected: readonly Rejected[];
}

type Outcome =
  | { readonly kind: 'rejected'; readonly path: string; readonly reason: string }
  | (Recognized & { readonly kind: 'duplicate' })
  | (Recognized & { readonly kind: 'new'; readonly image: NormalizedImage });

interface Recognized {
  readonly path: string;
  readonly sha256: string;
  readonly label: ResolvedLabel;
  readonly knownAs: string | undefined;
}

const examine = async (
  item: SourceItem,
  { resolveLabel, isDuplicate, knownLabel }: ImportPicturesOptions,
): Promise<Outcome> => {
  const { path } = item;
  if ('rejected' in item) return { kind: 'rejected', path, reason: item.rejected };
  const label = resolveLabel(item.label);
  if (label === undefined) return { kind: 'rejected', path, reason: 'unknown_label' };
  try {
    const bytes = await item.read();
    const hash = sha256(bytes);
    const found = { path, sha256: hash, label, knownAs: await knownLabel(hash) };
    if (isDuplicate(hash)) return { kind: 'duplicate', ...found };
    return { kind: 'new', ...found, image: await normalizeImage(bytes) };
  } catch (error) {
    // A picture that can't be used is reported; anything else (a full disk, a bug) stops the import.
    if (!isRelearnError(error) || error.kind !== 'invalid') throw error;
    return { kind: 'rejected', path, reason: error.code };
  }
};

/**
 * Writes shards only: nothing is visible until the caller commits the rows, and an import that
 * stops half-way leaves objects that nothing refers to.
 * @throws whatever the source and the store throw; the signal's reason where it aborts
 */
export const importPictures = async (options: ImportPicturesOptions): Promise<ImportedPictures> => {
  const { source, store, shardKey, splitFor, signal, onProgress } = options;
  // Two more than there are cores, so that reading and hashing do not leave a decoder idle.
  const { concurrency = availableParallelism() + 2 } = options;
  const rows: ImportRow[] = [];
  const rejected: Rejected[] = [];
  const relabelled: Relabelled[] = [];
  const seen = new Map<string, string>();
  let duplicates = 0;
  let done = 0;

  const writers = new Map<Split, ShardWriter>();
  const writerOf = (split: Split): ShardWriter => {
    const writer =
      writers.get(split) ?? createShardWriter(store, (number) => shardKey(split, number));
    writers.set(split, writer);
    return writer;
  };
  const accept = async (outcome: Extract<Outcome, { kind: 'new' }>) => {
    const { image, label, path } = outcome;
    const split = splitFor(outcome.sha256);
    const record = encodeShardRecord({
      ...image,
      classIndex: label.index,
      className: label.label,
      fileName: path.split(/[/\\:]/).at(-1) ?? path,
      sha256: outcome.sha256,
    });
    const place = await writerOf(split).add(record);
    rows.push({ sha256: outcome.sha256, label: label.id, split, ...place });
  };

  const outcomes = pMapIterable(source, (item) => examine(item, options), {
    concurrency,
    // Finished pictures wait here for a slow one before them.
    backpressure: 4 * concurrency,
  });
  for await (const outcome of outcomes) {
    signal?.throwIfAborted();
    if (outcome.kind === 'rejected') {
      rejected.push({ path: outcome.path, reason: outcome.reason });
    } else {
      const { path, sha256: hash, label } = outcome;
      const knownAs = outcome.knownAs ?? seen.get(hash) ?? label.id;
      if (knownAs !== label.id) relabelled.push({ path, sha256: hash, labelId: label.id, knownAs });
      if (outcome.kind === 'duplicate' || seen.has(hash)) duplicates++;
      else await accept(outcome);
      if (!seen.has(hash)) seen.set(hash, knownAs);
    }
    onProgress?.(++done);
  }
  for (const writer of writers.values()) await writer.close();
  return { rows, duplicates, relabelled, rejected };
};
