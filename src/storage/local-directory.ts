/**
 * A store in a folder, for one machine. An object is written whole under a temporary name, synced,
 * then given its real name, and the folder is synced: so it is visible wholly or not at all, and an
 * acknowledged write survives a power cut. The real name is never opened for writing.
 */
import { constants } from 'node:fs';
import {
  link,
  lstat,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  unlink,
} from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { RelearnError } from '../base/errors.ts';
import { diskError, errnoOf, noLinks } from './disk-error.ts';
import { createDurableDirectories, makeDirectoryPath, syncDirectory } from './durable-directory.ts';
import { guardFolder } from './guard-folder.ts';
import { listDirectory, listDirectoryKeys } from './list-directory.ts';
import { listMisnamed } from './list-misnamed.ts';
import { checkKey } from './object-key.ts';
import type { ObjectStore } from './object-store.ts';

export interface LocalDirectoryOptions {
  readonly clock: Clock;
  /** Unique names of `[a-z0-9-]`, such as UUIDs. */
  newId(): string;
  /**
   * Make the folder where there is none, with the first object; otherwise that is an error. Default
   * false.
   */
  readonly create?: boolean;
}

const temporaryFilesLive = 24 * 60 * 60 * 1000;
// ELOOP: a link somebody put there. Links are no objects, so a key never leads out of the folder.
const noSuchObject = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP']);
const readWithoutFollowing = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0);
const linkNotSupported = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV']);

/** Removes what crashed writers left. A folder that can't be written can still be read. */
const sweep = async (temporary: string, now: number): Promise<void> => {
  const names = await readdir(temporary).catch(() => []);
  for (const name of names) {
    const path = join(temporary, name);
    const modifiedAt = (await lstat(path).catch(() => undefined))?.mtimeMs ?? now;
    if (now - modifiedAt > temporaryFilesLive) await rm(path, { force: true }).catch(() => {});
  }
};

const checkRoot = async (root: string, create: boolean): Promise<void> => {
  try {
    if ((await lstat(`${root}/.`)).isDirectory()) return;
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (!noSuchObject.has(errno)) throw diskError(error, 'read', root);
    if (errno === 'ENOENT') {
      if (create) return;
      throw new RelearnError('not-found', 'store_not_found', `There is no store at ${root}.`, {
        hint: `Create it with: relearn init --labels cat,dog --store ${root}`,
        cause: error,
      });
    }
  }
  throw new RelearnError('usage', 'invalid_store', `${root} is a file, not a folder.`, {
    hint: 'Name a folder with --store.',
  });
};

/** Where a path leads, links resolved, also where its last folders are not there yet. */
const realPath = (path: string): Promise<string> =>
  realpath(path).catch(async () => {
    const parent = dirname(path);
    return parent === path ? path : join(await realPath(parent), basename(path));
  });

const foldersAbove = (path: string): readonly string[] => {
  const parent = dirname(path);
  return parent === path ? [] : [parent, ...foldersAbove(parent)];
};

/** @throws RelearnError not-found/`store_not_found`, usage/`invalid_store`, unavailable/`storage_…` */
export const openLocalDirectory = async (
  path: string,
  { clock, newId, create = false }: LocalDirectoryOptions,
): Promise<ObjectStore> => {
  const root = resolve(path);
  await checkRoot(root, create);
  await sweep(join(root, '.tmp'), clock.now());
  if (!create) return storeIn(root, newId, await guardFolder(root));
  const makeRoot = () =>
    makeDirectoryPath(root).catch((error) => {
      throw diskError(error, 'write', root);
    });
  return storeIn(root, newId, async () => {}, makeRoot);
};

/**
 * @param guard throws where the folder was taken away
 * @param makeRoot before the first folder is made in it
 */
const storeIn = (
  root: string,
  newId: () => string,
  guard: () => Promise<void>,
  makeRoot = guard,
): ObjectStore => {
  const temporary = join(root, '.tmp');
  const directories = createDurableDirectories(root, makeRoot);

  async function* guarded<T>(found: AsyncIterable<T>): AsyncGenerator<T> {
    await guard();
    yield* found;
  }

  const isNoObject = async (error: unknown): Promise<boolean> => {
    if (!noSuchObject.has(errnoOf(error) ?? '')) return false;
    await guard();
    return true;
  };

  const pathOf = (key: string): string => {
    checkKey(key);
    return join(root, key);
  };

  /** A synced temporary file. After a failed sync the file is given up, never synced again. */
  const writeTemporary = async (bytes: Uint8Array): Promise<string> => {
    await directories.ensure(temporary);
    const file = join(temporary, newId());
    const handle = await open(file, 'wx', 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
      await handle.close();
      return file;
    } catch (error) {
      await handle.close().catch(() => {});
      await rm(file, { force: true }).catch(() => {});
      throw error;
    }
  };

  /** Gives the bytes their name by `name`; the temporary file is gone afterwards. */
  const write = async <T>(
    key: string,
    bytes: Uint8Array,
    name: (temporaryFile: string, final: string) => Promise<T>,
  ): Promise<T> => {
    const final = pathOf(key);
    const attempt = async (): Promise<T> => {
      await directories.ensure(dirname(final));
      const file = await writeTemporary(bytes);
      try {
        return await name(file, final);
      } finally {
        await rm(file, { force: true }).catch(() => {});
      }
    };
    try {
      return await attempt().catch((error) => {
        // Somebody removed a folder that was known to be there: make it again, once.
        if (errnoOf(error) !== 'ENOENT') throw error;
        directories.forget();
        return attempt();
      });
    } catch (error) {
      throw diskError(error, 'write', key);
    }
  };

  const linkIfFree = async (file: string, final: string): Promise<'created' | 'exists'> => {
    try {
      await link(file, final);
      return 'created';
    } catch (error) {
      const errno = errnoOf(error) ?? '';
      if (errno === 'EEXIST') return 'exists';
      if (linkNotSupported.has(errno)) throw diskError(error, 'write', final, noLinks);
      throw error;
    }
  };

  return {
    location: root,
    async get(key) {
      try {
        return await readFile(pathOf(key), { flag: readWithoutFollowing });
      } catch (error) {
        if (await isNoObject(error)) return undefined;
        throw diskError(error, 'read', key);
      }
    },
    async head(key) {
      try {
        const found = await lstat(pathOf(key));
        if (!found.isFile()) return undefined;
        return { key, size: found.size, modifiedAt: found.mtimeMs };
      } catch (error) {
        if (await isNoObject(error)) return undefined;
        throw diskError(error, 'read', key);
      }
    },
    put: (key, bytes) =>
      write(key, bytes, async (file, final) => {
        await rename(file, final);
        await syncDirectory(dirname(final));
      }),
    putIfAbsent: (key, bytes) =>
      write(key, bytes, async (file, final) => {
        const outcome = await linkIfFree(file, final);
        try {
          // Also where the name was taken: "exists" must mean that it stays, and the writer that
          // took it may not have come to its sync.
          await syncDirectory(dirname(final));
        } catch (error) {
          throw new RelearnError(
            'unavailable',
            'ambiguous_write',
            `It is not known whether ${key} survives a power cut (${errnoOf(error)}).`,
            { hint: 'Try again; a second write of the same bytes is safe.', cause: error },
          );
        }
        return outcome;
      }),
    list: (prefix, options) => guarded(listDirectory(root, prefix, options)),
    keys: (prefix, options) => guarded(listDirectoryKeys(root, prefix, options)),
    above: async () =>
      foldersAbove(await realPath(root)).map((folder) => storeIn(folder, newId, async () => {})),
    misnamed: (prefix) => listMisnamed(root, prefix),
    async delete(key) {
      const final = pathOf(key);
      try {
        await unlink(final);
        await syncDirectory(dirname(final));
      } catch (error) {
        if (await isNoObject(error)) return;
        throw diskError(error, 'write', key);
      }
    },
  };
};
