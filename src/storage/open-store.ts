/** From what a person writes after --store to a store. */
import { fileURLToPath } from 'node:url';
import { RelearnError } from '../base/errors.ts';
import { type LocalDirectoryOptions, openLocalDirectory } from './local-directory.ts';
import type { ObjectStore } from './object-store.ts';

export type OpenStoreOptions = LocalDirectoryOptions;

type Driver = (url: string, options: OpenStoreOptions) => Promise<ObjectStore>;

const invalidStore = (url: string, cause?: unknown): RelearnError =>
  new RelearnError('usage', 'invalid_store', `${JSON.stringify(url)} names no store.`, {
    hint: 'Use a folder, such as ./relearn-store or file:///data/relearn-store.',
    cause,
  });

const openFileUrl: Driver = async (url, options) => {
  let path: string;
  try {
    path = url.startsWith('file://') ? fileURLToPath(url) : url.slice('file:'.length);
  } catch (error) {
    throw invalidStore(url, error);
  }
  if (path === '') throw invalidStore(url);
  return openLocalDirectory(path, options);
};

const notInThisRelease: Driver = async (url) => {
  const scheme = url.slice(0, url.indexOf(':'));
  throw new RelearnError(
    'usage',
    'store_not_supported',
    `Stores in ${scheme.toUpperCase()} are not available in this release.`,
    { hint: 'Use a folder: --store ./relearn-store' },
  );
};

const drivers: Readonly<Record<string, Driver>> = {
  file: openFileUrl,
  s3: notInThisRelease,
  oss: notInThisRelease,
};

/**
 * @param url a path, or a URL whose scheme has a driver
 * @throws RelearnError usage/`store_not_supported`, usage/`invalid_store`, and the driver's own
 */
export const openStore = async (url: string, options: OpenStoreOptions): Promise<ObjectStore> => {
  // Two letters at least: C:\data is a path on Windows.
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase();
  if (url === '' || url.includes('\0')) throw invalidStore(url);
  if (scheme === undefined) return openLocalDirectory(url, options);
  const driver = Object.hasOwn(drivers, scheme) ? drivers[scheme] : undefined;
  if (!driver) throw invalidStore(url);
  return driver(url, options);
};
