/** Walks a folder in the order of its keys, one folder's names in memory at a time. */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { diskError, errnoOf } from './disk-error.ts';
import { comesAfter, isKey, isKeySegment, sortKeys } from './object-key.ts';
import type { ListOptions, ObjectInfo } from './object-store.ts';

/** How many files are looked at together: enough to keep the disk busy. */
const batchSize = 32;

const gone = new Set(['ENOENT', 'ENOTDIR']);

/** Keys of the files, and with a slash at the end of the folders, right under `folder`, sorted. */
const namesIn = async (root: string, folder: string): Promise<string[]> => {
  try {
    const entries = await readdir(join(root, folder), { withFileTypes: true });
    return sortKeys(
      entries
        .filter((entry) => isKeySegment(entry.name) && (entry.isFile() || entry.isDirectory()))
        .map((entry) => `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`),
    );
  } catch (error) {
    if (gone.has(errnoOf(error) ?? '')) return [];
    throw diskError(error, 'read', folder);
  }
};

/** Whether a key that starts with `name` can be wanted. A folder's slash makes both orders agree. */
const mayHold = (name: string, prefix: string, startAfter: string): boolean =>
  name.endsWith('/')
    ? (name.startsWith(prefix) || prefix.startsWith(name)) &&
      (comesAfter(name, startAfter) || startAfter.startsWith(name))
    : name.startsWith(prefix) && comesAfter(name, startAfter);

async function* keysUnder(
  root: string,
  folder: string,
  prefix: string,
  startAfter: string,
): AsyncGenerator<string> {
  for (const name of await namesIn(root, folder)) {
    if (!mayHold(name, prefix, startAfter)) continue;
    if (name.endsWith('/')) yield* keysUnder(root, name, prefix, startAfter);
    else if (isKey(name)) yield name; // its parts are, but all together may be too long
  }
}

const infoOf = async (root: string, key: string): Promise<ObjectInfo | undefined> => {
  try {
    const { size, mtimeMs } = await lstat(join(root, key));
    return { key, size, modifiedAt: mtimeMs };
  } catch (error) {
    if (gone.has(errnoOf(error) ?? '')) return undefined; // deleted meanwhile
    throw diskError(error, 'read', key);
  }
};

/** The keys of the objects below `root` that start with the prefix, sorted by code point. */
export async function* listDirectoryKeys(
  root: string,
  prefix: string,
  { startAfter = '', limit = Number.POSITIVE_INFINITY }: ListOptions = {},
): AsyncGenerator<string> {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const names = folder.split('/').slice(0, -1);
  if (limit <= 0 || !names.every(isKeySegment)) return;
  let left = limit;
  for await (const key of keysUnder(root, folder, prefix, startAfter)) {
    yield key;
    if (--left <= 0) return;
  }
}

/** The same objects with their sizes and times. */
export async function* listDirectory(
  root: string,
  prefix: string,
  { limit = Number.POSITIVE_INFINITY, ...options }: ListOptions = {},
): AsyncGenerator<ObjectInfo> {
  let left = limit;
  let batch: string[] = [];
  async function* flush(): AsyncGenerator<ObjectInfo> {
    const infos = await Promise.all(batch.map((key) => infoOf(root, key)));
    batch = [];
    for (const info of infos) {
      if (!info || left <= 0) continue;
      left--;
      yield info;
    }
  }
  for await (const key of listDirectoryKeys(root, prefix, options)) {
    if (left <= 0) return;
    batch.push(key);
    if (batch.length >= Math.min(batchSize, left)) yield* flush();
  }
  yield* flush();
}
