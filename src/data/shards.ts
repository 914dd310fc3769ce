/**
 * Pictures of the base data in the store: TFRecord shards of tf.train.Example, with TensorFlow's
 * usual image features, so that other trainers read them as they are. A shard is written once and
 * never changed; a manifest row names the bytes of one picture in it.
 */
import { RelearnError } from '../base/errors.ts';
import {
  bytesFeature,
  decodeExample,
  encodeExample,
  type Feature,
  firstBytes,
  integerFeature,
  textFeature,
} from '../formats/example.ts';
import { frameTfRecord, unframeTfRecord } from '../formats/tfrecord.ts';
import type { ImportRow } from '../records/import-manifest.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/** Where a record lies: offset and length of the framed record in the shard, in bytes. */
export type ShardPlace = Pick<ImportRow, 'shard' | 'offset' | 'length'>;

/** One picture as a shard holds it. */
export interface ShardPicture {
  /** JPEG. */
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Class index and name at the time of the import; the manifest's label id is what counts. */
  readonly classIndex: number;
  readonly className: string;
  readonly fileName: string;
  /** Of the bytes as received. */
  readonly sha256: string;
}

export const encodeShardRecord = (picture: ShardPicture): Uint8Array =>
  encodeExample(
    new Map<string, Feature>([
      ['image/encoded', bytesFeature(picture.bytes)],
      ['image/format', textFeature('jpeg')],
      ['image/height', integerFeature(picture.height)],
      ['image/width', integerFeature(picture.width)],
      ['image/channels', integerFeature(3)],
      ['image/colorspace', textFeature('RGB')],
      ['image/class/label', integerFeature(picture.classIndex)],
      ['image/class/text', textFeature(picture.className)],
      ['image/filename', textFeature(picture.fileName)],
      ['image/key/sha256', textFeature(picture.sha256)],
    ]),
  );

export interface ShardWriter {
  /** Takes one record; writes the shard that it would overfill. */
  add(record: Uint8Array): Promise<ShardPlace>;
  /** Writes the last shard. */
  close(): Promise<void>;
}

const defaultShardBytes = 32_000_000;

/** @param keyOf key of the n-th shard, from 0; no object may stand there */
export const createShardWriter = (
  store: ObjectStore,
  keyOf: (number: number) => string,
  shardBytes: number = defaultShardBytes,
): ShardWriter => {
  let records: Uint8Array[] = [];
  let size = 0;
  let shards = 0;
  const write = async () => {
    if (size === 0) return;
    const key = keyOf(shards++);
    const bytes = Buffer.concat(records, size);
    records = [];
    size = 0;
    if ((await store.putIfAbsent(key, bytes)) === 'exists') {
      throw new RelearnError('conflict', 'shard_exists', `There is already a shard at ${key}.`, {
        hint: 'Another import runs under the same id; start this one again.',
      });
    }
  };
  return {
    add: async (record) => {
      const framed = frameTfRecord(record);
      if (size + framed.length > shardBytes) await write();
      const place = { shard: keyOf(shards), offset: size, length: framed.length };
      records.push(framed);
      size += framed.length;
      return place;
    },
    close: write,
  };
};

/**
 * The stored JPEG of every row. Each shard is fetched once and let go before the next; rows come
 * grouped by shard, in the order in which each shard is first named.
 * @throws RelearnError corrupt/`shard_missing`, corrupt/`truncated_record`, `corrupt_record`,
 *   `corrupt_example`
 */
export async function* readShardPictures<Row extends ShardPlace>(
  store: ObjectStore,
  rows: readonly Row[],
): AsyncGenerator<{ readonly row: Row; readonly bytes: Uint8Array }> {
  const byShard = new Map<string, Row[]>();
  for (const row of rows) {
    const members = byShard.get(row.shard);
    if (members) members.push(row);
    else byShard.set(row.shard, [row]);
  }
  for (const [shard, members] of byShard) {
    const file = await store.get(shard);
    if (file === undefined) {
      throw new RelearnError('corrupt', 'shard_missing', `The shard ${shard} is missing.`, {
        hint: 'Restore it from a backup, or import the same pictures again.',
      });
    }
    for (const row of members) {
      const source = `${shard} at ${row.offset}`;
      const framed = file.subarray(row.offset, row.offset + row.length);
      const bytes = firstBytes(decodeExample(unframeTfRecord(framed, source)), 'image/encoded');
      if (bytes === undefined) {
        throw new RelearnError('corrupt', 'corrupt_example', `${source} holds no picture.`);
      }
      // A copy, so that one picture does not keep its whole shard in memory.
      yield { row, bytes: bytes.slice() };
    }
  }
}
