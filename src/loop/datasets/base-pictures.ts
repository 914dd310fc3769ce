/**
 * The base data by content hash. Read from the import manifests once each, and added to when the
 * log names new ones.
 */
import { addRows, decodeImportManifest, type ImportRow } from '../../records/import-manifest.ts';
import { readVerified } from '../../records/read-verified.ts';
import type { RegistryState } from '../../registry/registry-state.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

export interface BasePictures {
  /** Every visible base picture once. */
  at(state: RegistryState): Promise<ReadonlyMap<string, ImportRow>>;
}

export const createBasePictures = (store: ObjectStore): BasePictures => {
  const rows = new Map<string, ImportRow>();
  let read = 0;
  let queue: Promise<unknown> = Promise.resolve();

  const readNew = async (state: RegistryState) => {
    for (const ref of state.imports.slice(read)) {
      const manifest = decodeImportManifest(await readVerified(store, ref), ref.key);
      addRows(rows, manifest);
      read++;
    }
    return rows;
  };

  return {
    at: (state) => {
      // One reader at a time: imports are folded in the order of the log.
      const result = queue.then(() => readNew(state));
      queue = result.catch(() => {});
      return result;
    },
  };
};
