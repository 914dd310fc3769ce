/**
 * What lies below a folder of a store and is no object of it: files whose names are no keys, links,
 * pipes. Paths are bytes here, because a name may be no text.
 */
import { constants } from 'node:fs';
import { lstat, readdir, readFile, unlink } from 'node:fs/promises';
import { diskError, errnoOf } from './disk-error.ts';
import { syncDirectory } from './durable-directory.ts';
import { whyNoKey } from './object-key.ts';
import type { MisnamedObject } from './object-store.ts';

const notAFile =
  'it is a link or a device and stays until somebody removes it; put the file itself in its place';

const gone = new Set(['ENOENT', 'ENOTDIR']);
const slash = Buffer.from('/');
const readWithoutFollowing = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0);

/** Undefined where it is gone. */
const ifThere = async <T>(
  doing: 'read' | 'write',
  name: string,
  call: () => Promise<T>,
): Promise<T | undefined> => {
  try {
    return await call();
  } catch (error) {
    if (gone.has(errnoOf(error) ?? '')) return undefined;
    throw diskError(error, doing, name);
  }
};

/** @param folder its path in the store, empty or with a slash at the end */
async function* below(
  root: Buffer,
  folder: Buffer,
): AsyncGenerator<Omit<MisnamedObject, 'size' | 'modifiedAt'> & { readonly path: Buffer }> {
  const here = Buffer.concat([root, slash, folder]);
  const folderName = folder.toString();
  const entries = await ifThere('read', folderName, () =>
    readdir(here, { withFileTypes: true, encoding: 'buffer' }),
  );
  for (const entry of entries ?? []) {
    if (entry.isDirectory()) {
      yield* below(root, Buffer.concat([folder, entry.name, slash]));
      continue;
    }
    const name = `${folderName}${entry.name}`;
    const nameFault = whyNoKey(name);
    const fault = entry.isFile() ? nameFault : notAFile;
    if (!fault) continue;
    const path = Buffer.concat([here, entry.name]);
    yield {
      ...{ name, path, fault },
      read: async () =>
        entry.isFile()
          ? ifThere('read', name, () => readFile(path, { flag: readWithoutFollowing }))
          : undefined,
      remove: async () => {
        await ifThere('write', name, () => unlink(path));
        await ifThere('write', name, () => syncDirectory(here));
      },
    };
  }
}

/** @param prefix a folder, with a slash at the end */
export async function* listMisnamed(root: string, prefix: string): AsyncGenerator<MisnamedObject> {
  for await (const { path, ...found } of below(Buffer.from(root), Buffer.from(prefix))) {
    const info = await ifThere('read', found.name, () => lstat(path));
    if (info) yield { ...found, size: info.size, modifiedAt: info.mtimeMs };
  }
}
