/** Finds what the log names, directly or by an import's manifest, and what is not there. */
import { isRelearnError } from '../../base/errors.ts';
import { findLostShards, type LostShard } from '../../data/lost-shards.ts';
import { addRows, decodeImportManifest, type ImportRow } from '../../records/import-manifest.ts';
import { readVerified } from '../../records/read-verified.ts';
import type { RegistryState } from '../../registry/registry-state.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { refsInLog } from './check-object.ts';

export async function* findMissing(
  store: ObjectStore,
  state: RegistryState,
): AsyncGenerator<LostShard> {
  for (const { key } of refsInLog(state))
    if (!(await store.head(key))) yield { key, message: 'is missing' };
  const rows = new Map<string, ImportRow>();
  for (const ref of state.imports) {
    try {
      addRows(rows, decodeImportManifest(await readVerified(store, ref), ref.key));
    } catch (error) {
      // Missing or damaged itself, and told of as such.
      if (!isRelearnError(error) || error.kind !== 'corrupt') throw error;
    }
  }
  yield* findLostShards(store, rows.values());
}
