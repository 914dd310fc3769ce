/** Opens a bucket of S3 or OSS as a store, and creates it where that is asked for. */
import { isIP } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { RelearnError } from '../../base/errors.ts';
import type { ObjectStore } from '../object-store.ts';
import { atPrefix, type BucketUrl, chosen, parseBucketUrl, parseEndpoint } from '../store-url.ts';
import { meaningOfError, Refusal } from './answers.ts';
import { type BucketClient, createBucketClient } from './bucket-client.ts';
import { bucketError } from './bucket-error.ts';
import { createBucketStore } from './bucket-store.ts';
import { type Environment, ossCredentials, s3Credentials } from './credentials.ts';
import { createExchange } from './http-exchange.ts';
import type { Limits } from './limits.ts';
import { createOssDialect } from './oss-dialect.ts';
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

/** What a scheme makes of a URL. */
interface Service {
  readonly dialect: Dialect;
  readonly endpoint: URL;
  readonly pathStyle: boolean;
  readonly credentials: CredentialSource;
  /** The body of the call that creates a bucket. */
  readonly creation: string;
}

const yesOrNo = ['false', 'true'] as const;

/** A name in front of such a host would resolve to nothing. */
const isBareHost = ({ hostname }: URL): boolean =>
  isIP(hostname.replace(/^\[|\]$/g, '')) !== 0 || !hostname.includes('.');

const s3Service = (url: BucketUrl, env: Environment): Service => {
  const { parameters, bucket, text } = url;
  const region = parameters.region ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1';
  const own = parameters.endpoint ?? env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL;
  const endpoint =
    own ?? `https://s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
  // A certificate for *.s3… covers no dots. Relatives of S3 rarely have a name for each bucket.
  const inPath = own !== undefined || bucket.includes('.');
  return {
    dialect: createS3Dialect({
      region,
      checksums: chosen(url, 'checksums', ['required', 'always'], 'required'),
    }),
    endpoint: parseEndpoint(text, endpoint),
    pathStyle: chosen(url, 'pathStyle', yesOrNo, inPath ? 'true' : 'false') === 'true',
    credentials: s3Credentials(env),
    creation:
      own !== undefined || region === 'us-east-1'
        ? ''
        : `<CreateBucketConfiguration><LocationConstraint>${region}</LocationConstraint></CreateBucketConfiguration>`,
  };
};

const ossService = (url: BucketUrl, env: Environment): Service => {
  const { parameters, text } = url;
  const given = parameters.region ?? env.OSS_REGION ?? env.FC_REGION;
  if (given === undefined) {
    throw new RelearnError('usage', 'invalid_store', `${JSON.stringify(text)} names no region.`, {
      hint: 'Add it, as in oss://bucket?region=cn-shanghai.',
    });
  }
  // Alibaba's own clients write it both ways.
  const region = given.replace(/^oss-/, '');
  const inside = chosen(url, 'internal', yesOrNo, 'false') === 'true' ? '-internal' : '';
  const own = parameters.endpoint ?? env.OSS_ENDPOINT;
  const endpoint = parseEndpoint(text, own ?? `https://oss-${region}${inside}.aliyuncs.com`);
  return {
    dialect: createOssDialect({ region }),
    endpoint,
    pathStyle:
      chosen(url, 'pathStyle', yesOrNo, isBareHost(endpoint) ? 'true' : 'false') === 'true',
    credentials: ossCredentials(env),
    creation: '',
  };
};

const services: Readonly<
  Record<
    's3' | 'oss',
    {
      readonly parameters: readonly string[];
      open(url: BucketUrl, env: Environment): Service;
    }
  >
> = {
  s3: { parameters: ['endpoint', 'region', 'pathStyle', 'checksums'], open: s3Service },
  oss: { parameters: ['endpoint', 'region', 'pathStyle', 'internal'], open: ossService },
};

/** Of `a/b/`: `a/` and the empty one. */
const prefixesAbove = (prefix: string): readonly string[] => {
  if (prefix === '') return [];
  const parent = prefix.slice(0, prefix.lastIndexOf('/', prefix.length - 2) + 1);
  return [parent, ...prefixesAbove(parent)];
};

/**
 * What a URL names, found without a call.
 * @throws RelearnError usage/`invalid_store`
 */
export const readBucketUrl = (
  scheme: 's3' | 'oss',
  text: string,
  env: Environment,
): { readonly url: BucketUrl; readonly service: Service } => {
  const { parameters, open } = services[scheme];
  const url = parseBucketUrl(text, parameters);
  return { url, service: open(url, env) };
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
  const { url, service } = readBucketUrl(scheme, text, options.env ?? {});
  const { bucket, prefix } = url;
  const client = createBucketClient({
    address: { endpoint: service.endpoint, bucket, pathStyle: service.pathStyle },
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
        prefixesAbove(start).map((prefix) => storeAt(prefix, atPrefix(url, prefix))),
    });
  return storeAt(prefix, text);
};
