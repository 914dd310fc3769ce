/** From a picture source to shards in the store and the rows of an import manifest. */
import type { Rejected } from '../records/reports.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { SourceItem } from './picture-source.ts';
import type { ShardRow } from './shards.ts';
import type { Split } from './split.ts';

export interface ImportPicturesOptions {
  readonly source: AsyncIterable<SourceItem>;
  readonly store: ObjectStore;
  /** Key of the n-th shard of a split, under `base/`. */
  shardKey(split: Split, number: number): string;
  /** The class index and the ASCII id of a label as written, or undefined where it is unknown. */
  resolveLabel(label: string): { readonly index: number; readonly id: string } | undefined;
  /** Whether the store already has this picture. Duplicates inside the source are found here. */
  isDuplicate(sha256: string): boolean;
  splitFor(sha256: string): Split;
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  /** Called after each item, in order. */
  onProgress?(done: number): void;
}

export interface ImportedPictures {
  /** One per new picture, in the order of the source. */
  readonly rows: readonly ShardRow[];
  readonly duplicates: number;
  readonly rejected: readonly Rejected[];
}

/** Writes shards only; nothing is visible until the caller commits the rows. */
export declare const importPictures: (options: ImportPicturesOptions) => Promise<ImportedPictures>;
