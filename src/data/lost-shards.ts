/** Finds shards of the base data that are missing, or too short for the pictures in them. */
import type { ImportRow } from '../records/import-manifest.ts';
import type { ObjectStore } from '../storage/object-store.ts';

export interface LostShard {
  readonly key: string;
  readonly message: string;
}

export async function* findLostShards(
  store: Pick<ObjectStore, 'head'>,
  rows: Iterable<ImportRow>,
): AsyncGenerator<LostShard> {
  const ends = new Map<string, number>();
  for (const { shard, offset, length } of rows) {
    ends.set(shard, Math.max(ends.get(shard) ?? 0, offset + length));
  }
  for (const [key, end] of ends) {
    const found = await store.head(key);
    if (!found) yield { key, message: 'is missing' };
    else if (found.size < end) yield { key, message: `has ${found.size} of at least ${end} bytes` };
  }
}
