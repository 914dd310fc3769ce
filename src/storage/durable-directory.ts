/**
 * Folders that survive a power cut. A new name is safe only after the folder that holds it was
 * synced, and so on up to a folder that was safe before (ALICE, OSDI 2014, found many programs that
 * forget this).
 */
import { lstat, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from './disk-error.ts';

/** Makes the names in this folder durable. Windows can't sync folders; NTFS logs their changes. */
export const syncDirectory = async (path: string | Buffer): Promise<void> => {
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

const makeOne = async (path: string): Promise<void> => {
  try {
    await mkdir(path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
  await syncDirectory(dirname(path));
};

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/**
 * Creates the folder and those above it that are missing, durably. One by one: Node's recursive
 * mkdir never ends where a file system says "no such folder" of one that is there, as /proc does.
 */
export const makeDirectoryPath = async (path: string): Promise<void> => {
  if (await isThere(path)) return;
  const parent = dirname(path);
  if (parent !== path) await makeDirectoryPath(parent);
  await makeOne(path);
};

export interface DurableDirectories {
  /** Creates the folder and those between it and the root, durably. */
  ensure(directory: string): Promise<void>;
  /** Forgets what is known, for when somebody else has removed a folder. */
  forget(): void;
}

/** @param makeRoot where the root may not be there yet: makes it, durably */
export const createDurableDirectories = (
  root: string,
  makeRoot = async (): Promise<void> => {},
): DurableDirectories => {
  // Another process may have made a folder and not synced it yet: so each process syncs the path
  // to every folder it uses, once.
  let known = new Map<string, Promise<void>>();

  const make = async (directory: string): Promise<void> => {
    if (directory === root) return makeRoot();
    await ensure(dirname(directory));
    await makeOne(directory);
  };

  const ensure = (directory: string): Promise<void> => {
    const before = known.get(directory);
    if (before) return before;
    const made = make(directory);
    known.set(directory, made);
    made.catch(() => known.delete(directory));
    return made;
  };

  return {
    ensure,
    forget: () => {
      known = new Map();
    },
  };
};
