/** Pictures of the base data in the store: TFRecord shards of tf.train.Example. */
import type { ObjectStore } from '../storage/object-store.ts';
import type { Split } from './split.ts';

/** Where a picture lies and what it is: one row of an import manifest. */
export interface ShardRow {
  /** Of the bytes as received. */
  readonly sha256: string;
  /** ASCII id of the label. */
  readonly label: string;
  readonly split: Split;
  /** Object key of the shard. */
  readonly shard: string;
  /** Where the framed record starts in the shard, and its length, in bytes. */
  readonly offset: number;
  readonly length: number;
}

/**
 * The stored JPEG of every row, each shard fetched once; rows come grouped by shard.
 * @throws RelearnError corrupt/`shard_missing`, corrupt/`corrupt_record`
 */
export declare const readShardPictures: <Row extends Pick<ShardRow, 'shard' | 'offset' | 'length'>>(
  store: ObjectStore,
  rows: readonly Row[],
) => AsyncGenerator<{ readonly row: Row; readonly bytes: Uint8Array }>;
