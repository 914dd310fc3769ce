/** What Amazon S3 and the stores that follow it want to be sent. */
import { createHash } from 'node:crypto';
import aws4 from 'aws4';
import { sha256 } from '../../base/hash.ts';
import type { Dialect } from './request.ts';

export interface S3DialectOptions {
  readonly region: string;
  /** Send `x-amz-checksum-sha256` too, which S3 stores beside the object; not every relative knows it. */
  readonly checksums: 'required' | 'always';
}

const noBody = sha256(new Uint8Array());

export const createS3Dialect = ({ region, checksums }: S3DialectOptions): Dialect => ({
  name: 'S3',
  metadataPrefix: 'x-amz-meta-',
  createOnly: { 'if-none-match': '*' },
  integrityOf: (body) => ({
    'x-amz-content-sha256': sha256(body),
    ...(checksums === 'always'
      ? { 'x-amz-checksum-sha256': createHash('sha256').update(body).digest('base64') }
      : {}),
  }),
  sign: ({ method, host, path, headers = {} }, credentials, at) => {
    const signed = aws4.sign(
      {
        service: 's3',
        region,
        method,
        host,
        path,
        headers: {
          'x-amz-content-sha256': noBody,
          ...headers,
          host,
          'x-amz-date': at.toISOString().replace(/-|:|\.\d{3}/g, ''),
        },
      },
      credentials,
    );
    return signed.headers as Record<string, string>;
  },
});
