/**
 * Features of pictures in the store, so that a picture goes through a backbone once. A shard holds
 * the hashes of some pictures and a row of numbers for each; its name is the hash of its bytes, so a
 * damaged one is found, deleted and computed again. Small shards are written anew together with
 * what comes later, so that there are few. Nothing here is needed: all of it may be deleted.
 */
import { sha256 } from '../base/hash.ts';
import { featureShardKey, featuresPrefix, parseFeatureShardKey } from '../records/keys.ts';
import type { ObjectStore } from '../storage/object-store.ts';

export interface FeatureRow {
  /** Of the picture, 64 hexadecimal digits. */
  readonly sha256: string;
  /** float32 [size] */
  readonly features: Float32Array;
}

export interface FeatureCache {
  /**
   * Hands out the rows of these pictures that are known. A row is a view of a shard: copy what is
   * to be kept.
   */
  read(wanted: ReadonlySet<string>, take: (row: FeatureRow) => void): Promise<void>;
  /** Adds rows of pictures that were not known. */
  write(rows: readonly FeatureRow[]): Promise<void>;
}

const defaultShardBytes = 32_000_000;
const magic = 'RLFEAT01';
const headerBytes = 16;
const hashBytes = 32;

/**
 * @param extractor SHA-256 of what computes the features: weights and preprocessing
 * @param size numbers in a row
 */
export const createFeatureCache = (
  store: ObjectStore,
  extractor: string,
  size: number,
  shardBytes: number = defaultShardBytes,
): FeatureCache => {
  const rowBytes = hashBytes + 4 * size;

  /** The shard's rows; undefined, and the shard gone, where it is not what its name says. */
  const readShard = async (key: string): Promise<readonly FeatureRow[] | undefined> => {
    const bytes = await store.get(key);
    if (!bytes) return undefined;
    const isWhole = sha256(bytes) === parseFeatureShardKey(key);
    const rows = isWhole ? decodeShard(bytes, size) : undefined;
    if (!rows) await store.delete(key);
    return rows;
  };

  return {
    read: async (wanted, take) => {
      const missing = new Set(wanted);
      for await (const { key } of store.list(featuresPrefix(extractor))) {
        if (missing.size === 0) return;
        for (const row of (await readShard(key)) ?? []) if (missing.delete(row.sha256)) take(row);
      }
    },
    write: async (rows) => {
      const merged: string[] = [];
      const all = new Map(rows.map((row) => [row.sha256, row]));
      for await (const { key, size: bytes } of store.list(featuresPrefix(extractor))) {
        if (bytes > shardBytes / 2) continue;
        const known = await readShard(key);
        if (!known) continue;
        merged.push(key);
        for (const row of known) if (!all.has(row.sha256)) all.set(row.sha256, row);
      }
      const written = new Set<string>();
      const each = Math.max(1, Math.floor(shardBytes / rowBytes));
      const list = [...all.values()];
      for (let start = 0; start < list.length; start += each) {
        const bytes = encodeShard(list.slice(start, start + each), size);
        const key = featureShardKey(extractor, sha256(bytes));
        await store.putIfAbsent(key, bytes);
        written.add(key);
      }
      for (const key of merged) if (!written.has(key)) await store.delete(key);
    },
  };
};

/** magic, row count and row size as uint32, the hashes, the rows; little-endian. */
const encodeShard = (rows: readonly FeatureRow[], size: number): Uint8Array => {
  const floatsAt = headerBytes + rows.length * hashBytes;
  const bytes = Buffer.alloc(floatsAt + rows.length * size * 4);
  bytes.write(magic, 'ascii');
  bytes.writeUInt32LE(rows.length, 8);
  bytes.writeUInt32LE(size, 12);
  rows.forEach(({ sha256: hash, features }, index) => {
    bytes.write(hash, headerBytes + index * hashBytes, 'hex');
    bytes.set(
      new Uint8Array(features.buffer, features.byteOffset, features.byteLength),
      floatsAt + index * size * 4,
    );
  });
  return bytes;
};

/** Undefined where the bytes are no shard of rows of this size. */
const decodeShard = (shard: Uint8Array, size: number): readonly FeatureRow[] | undefined => {
  const bytes = Buffer.from(shard.buffer, shard.byteOffset, shard.byteLength);
  if (bytes.length < headerBytes || bytes.toString('ascii', 0, 8) !== magic) return undefined;
  const count = bytes.readUInt32LE(8);
  const floatsAt = headerBytes + count * hashBytes;
  if (bytes.readUInt32LE(12) !== size || bytes.length !== floatsAt + count * size * 4)
    return undefined;
  // Floats must begin at a multiple of four in memory.
  const at = bytes.byteOffset + floatsAt;
  const floats =
    at % 4 === 0
      ? new Float32Array(bytes.buffer, at, count * size)
      : new Float32Array(new Uint8Array(bytes.subarray(floatsAt)).buffer);
  return Array.from({ length: count }, (_, index) => ({
    sha256: bytes.toString(
      'hex',
      headerBytes + index * hashBytes,
      headerBytes + (index + 1) * hashBytes,
    ),
    features: floats.subarray(index * size, (index + 1) * size),
  }));
};
