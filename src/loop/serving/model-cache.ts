/**
 * Model files kept in a folder, such as a mounted disk that many instances share, so that a start
 * need not fetch them from a bucket. A file is named by its hash and checked at every read: the
 * folder is trusted with nothing but time.
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../base/hash.ts';
import type { ObjectRef } from '../../records/json-object.ts';
import { makeDirectoryPath } from '../../storage/durable-directory.ts';
import type { Log } from '../components.ts';

/** Reads an object and proves that it is what was registered. */
export type ReadModel = (ref: ObjectRef) => Promise<Uint8Array>;

export interface ModelCacheOptions {
  readonly folder: string;
  /** Where models come from that the folder does not hold. */
  readonly readModel: ReadModel;
  readonly log: Log;
  newId(): string;
}

/** A folder that can't be read or written costs a warning and no model. */
export const createModelCache = ({
  folder,
  readModel,
  log,
  newId,
}: ModelCacheOptions): ReadModel => {
  /** Under another name first: nobody reads half a file. */
  const keep = async (path: string, bytes: Uint8Array): Promise<void> => {
    const unfinished = `${path}.${newId()}.tmp`;
    try {
      await makeDirectoryPath(folder);
      await writeFile(unfinished, bytes);
      await rename(unfinished, path);
    } catch (error) {
      await rm(unfinished, { force: true }).catch(() => {});
      log('warn', 'A model could not be kept in the cache folder.', {
        folder,
        error: String(error),
      });
    }
  };
  return async (ref) => {
    const path = join(folder, `${ref.sha256}.onnx`);
    const kept = await readFile(path).catch(() => undefined);
    if (kept && sha256(kept) === ref.sha256) return kept;
    if (kept) log('warn', 'A damaged model in the cache folder is replaced.', { path });
    const bytes = await readModel(ref);
    await keep(path, bytes);
    return bytes;
  };
};
