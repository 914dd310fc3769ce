import { beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../base/hash.ts';
import { cachePrefix } from '../records/keys.ts';
import { createMemoryStore } from '../storage/memory.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { createFeatureCache, type FeatureRow } from './feature-cache.ts';

const extractor = sha256(Buffer.from('extractor'));
const rowOf = (n: number): FeatureRow => ({
  sha256: sha256(Buffer.from(`picture ${n}`)),
  features: Float32Array.of(n, n / 3, -n),
});
const rows = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => rowOf(from + index));

let store: ObjectStore;
/** A shard of eight rows is full. */
const cache = () => createFeatureCache(store, extractor, 3, 8 * 44);

const read = async (wanted: readonly FeatureRow[], from = cache()) => {
  const found = new Map<string, number[]>();
  const names = new Set(wanted.map(({ sha256: hash }) => hash));
  await from.read(names, ({ sha256: hash, features }) => found.set(hash, [...features]));
  return found;
};
const keys = async () => {
  const found: string[] = [];
  for await (const { key } of store.list(cachePrefix)) found.push(key);
  return found;
};

beforeEach(() => {
  store = createMemoryStore();
});

describe('the feature cache', () => {
  it('hands out what was put in, bit for bit, and nothing else', async () => {
    await cache().write(rows(0, 5));
    const found = await read(rows(3, 7));
    expect(found).toEqual(
      new Map(rows(3, 5).map(({ sha256: hash, features }) => [hash, [...features]])),
    );
  });

  it('keeps few shards, however many trainings add to it', async () => {
    for (let n = 0; n < 40; n++) await cache().write([rowOf(n)]);
    expect((await keys()).length).toBeLessThanOrEqual(10);
    expect((await read(rows(0, 40))).size).toBe(40);
  });

  it('knows nothing of another extractor', async () => {
    await cache().write(rows(0, 5));
    const other = createFeatureCache(store, sha256(Buffer.from('other')), 3);
    expect((await read(rows(0, 5), other)).size).toBe(0);
  });

  it('deletes a damaged shard and forgets what it held', async () => {
    await cache().write(rows(0, 8));
    const [key] = await keys();
    const bytes = Uint8Array.from((await store.get(key as string)) as Uint8Array);
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
    await store.put(key as string, bytes);
    expect((await read(rows(0, 8))).size).toBe(0);
    expect(await keys()).toEqual([]);
  });

  it('trusts a name only over bytes that are a shard of this size', async () => {
    for (const bytes of [Buffer.from('RLFEAT01'), Buffer.alloc(0), Buffer.alloc(64)])
      await store.put(`cache/features/${extractor}/${sha256(bytes)}.bin`, bytes);
    await createFeatureCache(store, extractor, 2).write([
      { sha256: sha256(Buffer.from('x')), features: Float32Array.of(1, 2) },
    ]);
    expect((await read(rows(0, 8))).size).toBe(0);
  });
});
