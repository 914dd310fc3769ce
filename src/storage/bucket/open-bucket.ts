/** Opens a bucket of S3 or OSS as a store, and creates it where that is asked for. */
import type { Clock } from '../../base/clock.ts';
import type { ObjectStore } from '../object-store.ts';
import { atPrefix } from '../store-url.ts';
import { meaningOfError, Refusal } from './answers.ts';
import { type BucketClient, createBucketClient } from './bucket-client.ts';
import { bucketError } from './bucket-error.ts';
import { createBucketStore } from './bucket-store.ts';
import { type Environment, ossCredentials, s3Credentials } from './credentials.ts';
import { createExchange } from './http-exchange.ts';
import type { Limits } from './limits.ts';
import { createOssDialect } from './oss-dialect.ts';
import { type BucketPlace, readBucketUrl } from './read-bucket-url.ts';
import type { CredentialSource, Dialect } from './request.ts';
import { createS3Dialect } from './s3-dialect.ts';

export interface BucketOptions {
  readonly clock: Clock;
  newId(): string;
  /** Create the bucket where there is none. Default false. */
  readonly create?: boolean;
  /** Called with the bucket's name after it was created. */
  onCreated?(name: string): void;
  /** Where the service, region and credentials are looked for that the URL does not name. */
  readonly env?: Environment;
  /** In place of those of the environment; asked before every call. */
  readonly credentials?: CredentialSource;
  /** How long calls may wait; default: as long as somebody waits for their answer. */
  readonly limits?: Partial<Limits>;
}

/** What a scheme makes of a place. */
interface Service {
  readonly dialect: Dialect;
  readonly credentials: CredentialSource;
  /** The body of the call that creates a bucket. */
  readonly creation: string;
}

const services: Readonly<Record<'s3' | 'oss', (place: BucketPlace, env: Environment) => Service>> =
  {
    s3: ({ region, checksums, isOwnEndpoint }, env) => ({
      dialect: createS3Dialect({ region, checksums }),
      credentials: s3Credentials(env),
      creation:
        isOwnEndpoint || region === 'us-east-1'
          ? ''
          : `<CreateBucketConfiguration><LocationConstraint>${region}</LocationConstraint></CreateBucketConfiguration>`,
    }),
    oss: ({ region }, env) => ({
      dialect: createOssDialect({ region }),
      credentials: ossCredentials(env),
      creation: '',
    }),
  };

/** Of `a/b/`: `a/` and the empty one. */
const prefixesAbove = (prefix: string): readonly string[] => {
  if (prefix === '') return [];
  const parent = prefix.slice(0, prefix.lastIndexOf('/', prefix.length - 2) + 1);
  return [parent, ...prefixesAbove(parent)];
};

/** @returns whether it was not there before */
const createBucket = async (
  client: BucketClient,
  { dialect, creation }: Service,
): Promise<boolean> => {
  try {
    await client({ method: 'GET', query: { 'list-type': '2', 'max-keys': '1' } });
    return false;
  } catch (error) {
    if (meaningOfError(error) !== 'no-bucket') throw error;
  }
  const body = Buffer.from(creation);
  try {
    await client({ method: 'PUT', body, headers: dialect.integrityOf(body) });
    return true;
  } catch (error) {
    // Made meanwhile by another process of ours, or by a try whose answer was lost.
    if (error instanceof Refusal && error.code === 'BucketAlreadyOwnedByYou') return false;
    throw error;
  }
};

/** @throws RelearnError usage/`invalid_store`; with `create` also unavailable/`storage_…` */
export const openBucket = async (
  scheme: 's3' | 'oss',
  text: string,
  options: BucketOptions,
): Promise<ObjectStore> => {
  const env = options.env ?? {};
  const place = readBucketUrl(scheme, text, env);
  const service = services[scheme](place, env);
  const { bucket, prefix, endpoint, pathStyle } = place;
  const client = createBucketClient({
    address: { endpoint, bucket, pathStyle },
    dialect: service.dialect,
    credentials: options.credentials ?? service.credentials,
    exchange: createExchange(options.limits),
    clock: options.clock,
    ...(options.limits ? { limits: options.limits } : {}),
  });
  if (options.create) {
    try {
      if (await createBucket(client, service)) options.onCreated?.(bucket);
    } catch (error) {
      throw bucketError(error, { location: text, bucket, doing: 'create the bucket', key: bucket });
    }
  }
  const storeAt = (start: string, location: string): ObjectStore =>
    createBucketStore({
      client,
      dialect: service.dialect,
      location,
      bucket,
      prefix: start,
      newId: options.newId,
      above: async () =>
        prefixesAbove(start).map((prefix) => storeAt(prefix, atPrefix({ bucket, text }, prefix))),
    });
  return storeAt(prefix, text);
};
