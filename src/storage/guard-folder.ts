/**
 * Notices that a store's folder was taken away under a running process: unmounted, renamed, removed.
 * What lies at its path then is nothing, or another folder that is empty, and in both every object
 * seems not to be there.
 */
import { readdir, stat } from 'node:fs/promises';
import { RelearnError } from '../base/errors.ts';
import { diskError, errnoOf } from './disk-error.ts';

/** Undefined where there is no folder. Numbers of files are used again, so their birth counts too. */
const identityOf = async (path: string): Promise<string | undefined> => {
  try {
    const { dev, ino, birthtimeNs } = await stat(path, { bigint: true });
    return `${dev}:${ino}:${birthtimeNs}`;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw diskError(error, 'read', path);
  }
};

/**
 * @returns a check for before an answer "not there" is believed and before a folder is made. Another
 * folder that holds something is the store again: a disk that was mounted anew may have another number.
 * It throws RelearnError unavailable/`storage_unavailable`.
 */
export const guardFolder = async (root: string): Promise<() => Promise<void>> => {
  let known = await identityOf(root);
  return async () => {
    const now = await identityOf(root);
    if (now !== undefined && now === known) return;
    if (now !== undefined && (await readdir(root)).length > 0) {
      known = now;
      return;
    }
    throw new RelearnError(
      'unavailable',
      'storage_unavailable',
      `The folder of the store, ${root}, was taken away${now === undefined ? '' : ': an empty one is in its place'}.`,
      { hint: 'Mount the disk, or put the folder back under its name; then all goes on.' },
    );
  };
};
