import { describe, expect, it } from 'vitest';
import {
  canonicalText,
  isSignedBy,
  parseAuthorization,
} from '../../../test/bucket-server/verify-oss-signature.ts';
import golden from '../../../test/golden/oss-signatures.json' with { type: 'json' };
import { addressRequest } from './address.ts';
import { createOssDialect } from './oss-dialect.ts';
import type { BucketRequest } from './request.ts';

const { region, bucket, accessKeyId, secretAccessKey } = golden;
const dialect = createOssDialect({ region });
const at = new Date(Date.UTC(2026, 10, 22, 11, 22, 33));

/** The golden case as this driver sends it, by the name of the bucket's host or by its path. */
const signCase = (row: (typeof golden.cases)[number], pathStyle: boolean) => {
  const { 'x-oss-security-token': sessionToken, ...headers } = row.headers as Record<
    string,
    string
  >;
  const request: BucketRequest = {
    method: row.method as BucketRequest['method'],
    key: row.key,
    query: row.query as Record<string, string | null>,
    headers,
  };
  const endpoint = new URL('https://oss-cn-shanghai.aliyuncs.com');
  const addressed = addressRequest({ endpoint, bucket, pathStyle }, request);
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
  return { addressed, headers: dialect.sign(addressed, credentials, at) };
};

describe.each(golden.cases)('$method /$key $query', (row) => {
  it.each([true, false])("is signed as by Alibaba's own client (path style %s)", (pathStyle) => {
    const { headers } = signCase(row, pathStyle);
    expect(headers).toMatchObject({ authorization: row.authorization, 'x-oss-date': golden.date });
  });

  it('is believed by the strict server, and not if anything was changed', () => {
    const { addressed, headers } = signCase(row, false);
    const resource = `/${bucket}${addressed.path.split('?')[0]}`;
    const request = { method: row.method, url: addressed.path, headers };
    const proof = parseAuthorization(row.authorization);
    if (!proof) throw new Error('no authorization');
    expect(isSignedBy(request, resource, secretAccessKey, proof)).toBe(true);
    expect(isSignedBy(request, resource, 'another', proof)).toBe(false);
    expect(isSignedBy(request, `${resource}x`, secretAccessKey, proof)).toBe(false);
    const later = { ...headers, 'x-oss-date': '20261122T112234Z' };
    expect(isSignedBy({ ...request, headers: later }, resource, secretAccessKey, proof)).toBe(
      false,
    );
  });
});

it('signs this very text', () => {
  const { addressed, headers } = signCase(golden.cases[0] as (typeof golden.cases)[number], false);
  const resource = `/${bucket}${addressed.path}`;
  expect(canonicalText({ method: 'PUT', url: addressed.path, headers }, resource)).toBe(
    [
      'PUT',
      '/relearn-feedback/callback/cats/%E7%8C%AB%201%2B2%26.jpg',
      '',
      'content-type:image/jpeg',
      'x-oss-content-sha256:UNSIGNED-PAYLOAD',
      'x-oss-date:20261122T112233Z',
      'x-oss-forbid-overwrite:true',
      '',
      '',
      'UNSIGNED-PAYLOAD',
    ].join('\n'),
  );
});
