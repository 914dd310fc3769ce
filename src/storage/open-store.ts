/** From what a person writes after --store to a store. A bucket's driver is loaded when it is named. */
import { fileURLToPath } from 'node:url';
import { RelearnError } from '../base/errors.ts';
import type { BucketOptions } from './bucket/open-bucket.ts';
import { openLocalDirectory } from './local-directory.ts';
import type { ObjectStore } from './object-store.ts';
import { checkSeen } from './store-url.ts';

export type OpenStoreOptions = BucketOptions;
export type { Environment } from './bucket/credentials.ts';
export type { CredentialSource, Credentials } from './bucket/request.ts';

type Driver = (url: string, options: OpenStoreOptions) => Promise<ObjectStore>;

const invalidStore = (url: string, cause?: unknown): RelearnError => {
  const what =
    url.trim() === ''
      ? 'The address of the store is empty, in --store or else in RELEARN_STORE.'
      : `${JSON.stringify(url)} names no store.`;
  return new RelearnError('usage', 'invalid_store', what, {
    hint: 'Leave it out, or name a folder, such as ./relearn-store, or a bucket: s3://bucket or oss://bucket?region=…',
    cause,
  });
};

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

const bucketDriver =
  (scheme: 's3' | 'oss'): Driver =>
  async (url, options) =>
    (await import('./bucket/open-bucket.ts')).openBucket(scheme, url, options);

const drivers: Readonly<Record<string, Driver>> = {
  file: openFileUrl,
  s3: bucketDriver('s3'),
  oss: bucketDriver('oss'),
};

/**
 * @param url a path, or a URL whose scheme has a driver
 * @throws RelearnError usage/`invalid_store`, and the driver's own
 */
export const openStore = async (url: string, options: OpenStoreOptions): Promise<ObjectStore> => {
  // Two letters at least: C:\data is a path on Windows.
  const scheme = /^\s*([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase();
  if (url.trim() === '' || url.includes('\0')) throw invalidStore(url);
  if (scheme === undefined) return openLocalDirectory(url, options);
  checkSeen(url);
  const driver = Object.hasOwn(drivers, scheme) ? drivers[scheme] : undefined;
  if (!driver) throw invalidStore(url);
  return driver(url, options);
};
