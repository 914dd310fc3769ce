/**
 * Refuses to import a data set that this store exported. Its pictures were encoded anew, so their
 * hashes are others and no duplicate is seen: what is trained on would come to judge models.
 */
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isRelearnError, RelearnError } from '../../base/errors.ts';
import {
  type DatasetManifest,
  datasetManifestName,
  decodeDatasetManifest,
} from '../../records/dataset-manifest.ts';
import { itemPlaces } from '../../records/keys.ts';
import type { Components } from '../components.ts';

/** The folders that an import of the path reads, links followed, each once; of a file its own. */
async function* foldersOf(path: string, visited: Set<string>): AsyncGenerator<string> {
  const info = await stat(path).catch(() => undefined);
  if (info?.isFile()) yield dirname(path);
  if (!info?.isDirectory()) return;
  const real = await realpath(path);
  if (visited.has(real)) return;
  visited.add(real);
  yield path;
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.name.startsWith('.') || !(entry.isDirectory() || entry.isSymbolicLink())) continue;
    const below = join(path, entry.name);
    if ((await stat(below).catch(() => undefined))?.isDirectory()) yield* foldersOf(below, visited);
  }
}

/** Undefined where there is none, or another program's file of that name. */
const readManifest = async (path: string): Promise<DatasetManifest | undefined> => {
  const bytes = await readFile(path).catch(() => undefined);
  if (!bytes) return undefined;
  try {
    return decodeDatasetManifest(bytes, path);
  } catch (error) {
    if (isRelearnError(error) && error.kind === 'corrupt') return undefined;
    throw error;
  }
};

const isOwn = async (
  { registry, store }: Pick<Components, 'registry' | 'store'>,
  { base, feedback }: DatasetManifest,
): Promise<boolean> => {
  const { imports } = await registry.read();
  if (base.some((ref) => imports.some(({ sha256 }) => sha256 === ref.sha256))) return true;
  for (const row of feedback)
    for (const place of itemPlaces(row)) if (await store.head(place)) return true;
  return false;
};

/** @throws RelearnError invalid/`own_dataset`, before anything is imported */
export const refuseOwnDataset = async (
  components: Pick<Components, 'registry' | 'store'>,
  paths: readonly string[],
): Promise<void> => {
  const visited = new Set<string>();
  const looked = new Set<string>();
  for (const path of paths)
    for await (const folder of foldersOf(path, visited)) {
      if (looked.has(folder)) continue;
      looked.add(folder);
      const manifest = await readManifest(join(folder, datasetManifestName));
      if (!manifest || !(await isOwn(components, manifest))) continue;
      throw new RelearnError(
        'invalid',
        'own_dataset',
        `${folder} holds pictures that this store exported; it has them already, and nothing was imported.`,
        {
          hint: 'Import the pictures that are new from a folder of their own. To move a store: relearn store copy. To take in a model that was trained on the export: relearn models submit FILE.onnx --dataset DIR.',
        },
      );
    }
};
