/** Where a bucket lies and how it is addressed: what its URL and the environment say, without a call. */
import { isIP } from 'node:net';
import { RelearnError } from '../../base/errors.ts';
import { type BucketUrl, chosen, parseBucketUrl, parseEndpoint, refusePath } from '../store-url.ts';
import type { BucketAddress } from './address.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface BucketPlace extends BucketAddress {
  /** Empty, or ending in a slash. */
  readonly prefix: string;
  readonly region: string;
  /** Whether the region stands in the URL. */
  readonly namesRegion: boolean;
  /** Whether somebody named the endpoint. */
  readonly isOwnEndpoint: boolean;
  readonly checksums: 'required' | 'always';
}

type Read = (
  url: BucketUrl,
  env: Environment,
) => Omit<BucketPlace, 'bucket' | 'prefix' | 'namesRegion'>;

const yesOrNo = ['false', 'true'] as const;

/** A name in front of such a host would resolve to nothing. */
const isBareHost = ({ hostname }: URL): boolean =>
  isIP(hostname.replace(/^\[|\]$/g, '')) !== 0 || !hostname.includes('.');

const readS3: Read = (url, env) => {
  const { parameters, bucket } = url;
  const region = parameters.region ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1';
  const own = parameters.endpoint ?? env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL;
  const endpoint =
    own ?? `https://s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
  // A certificate for *.s3… covers no dots. Relatives of S3 rarely have a name for each bucket.
  const inPath = own !== undefined || bucket.includes('.');
  return {
    region,
    checksums: chosen(url, 'checksums', ['required', 'always'], 'required'),
    endpoint: parseEndpoint(url, endpoint),
    isOwnEndpoint: own !== undefined,
    pathStyle: chosen(url, 'pathStyle', yesOrNo, inPath ? 'true' : 'false') === 'true',
  };
};

const readOss: Read = (url, env) => {
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
  const endpoint = parseEndpoint(url, own ?? `https://oss-${region}${inside}.aliyuncs.com`);
  refusePath(url, endpoint);
  return {
    region,
    checksums: 'required',
    endpoint,
    isOwnEndpoint: own !== undefined,
    pathStyle:
      chosen(url, 'pathStyle', yesOrNo, isBareHost(endpoint) ? 'true' : 'false') === 'true',
  };
};

const schemes: Readonly<
  Record<'s3' | 'oss', { readonly parameters: readonly string[]; readonly read: Read }>
> = {
  s3: { parameters: ['endpoint', 'region', 'pathStyle', 'checksums'], read: readS3 },
  oss: { parameters: ['endpoint', 'region', 'pathStyle', 'internal'], read: readOss },
};

/** @throws RelearnError usage/`invalid_store` */
export const readBucketUrl = (
  scheme: 's3' | 'oss',
  text: string,
  env: Environment,
): BucketPlace => {
  const { parameters, read } = schemes[scheme];
  const url = parseBucketUrl(text, parameters);
  const { bucket, prefix } = url;
  return { ...read(url, env), bucket, prefix, namesRegion: url.parameters.region !== undefined };
};
