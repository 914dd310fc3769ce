/** Where a call goes: the host and path of a bucket's object, in either of the two styles. */
import type { AddressedRequest, BucketRequest } from './request.ts';

export interface BucketAddress {
  /** Scheme, host and port of the service, such as `https://s3.eu-west-1.amazonaws.com`. */
  readonly endpoint: URL;
  readonly bucket: string;
  /** The bucket in the path, not in the host name. */
  readonly pathStyle: boolean;
}

/** RFC 3986: everything but letters, digits and `-._~`, which is what signatures are made over. */
export const percentEncode = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

const encodePath = (key: string): string => key.split('/').map(percentEncode).join('/');

/** Sorted by name, as signatures want it. */
const encodeQuery = (query: NonNullable<BucketRequest['query']>): string =>
  Object.entries(query)
    .map(([name, value]) => [percentEncode(name), value] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => (value === null ? name : `${name}=${percentEncode(value)}`))
    .join('&');

export const addressRequest = (
  { endpoint, bucket, pathStyle }: BucketAddress,
  request: BucketRequest,
): AddressedRequest => {
  const base = endpoint.pathname.replace(/\/$/, '');
  const path = `${base}${pathStyle ? `/${bucket}` : ''}/${encodePath(request.key ?? '')}`;
  const query = encodeQuery(request.query ?? {});
  return {
    ...request,
    bucket,
    host: pathStyle ? endpoint.host : `${bucket}.${endpoint.host}`,
    path: query === '' ? path : `${path}?${query}`,
  };
};
