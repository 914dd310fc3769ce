/**
 * A small S3, for answers that can be called up at will. Signatures are not checked: radosgw does
 * that in the slow tests. Careless, it lets a create-only put replace, as some gateways do.
 */
import { createHash } from 'node:crypto';
import { type Rules, ServiceError } from './bucket-server.ts';

export const s3Rules = (options: { readonly careless?: boolean } = {}): Rules => ({
  locate: ({ url }) => {
    const [, bucket = '', ...key] = (url.split('?')[0] ?? '').split('/');
    const path = key.join('/');
    return { bucket, key: path === '' ? undefined : decodeURIComponent(path) };
  },
  authenticate: ({ headers, body }) => {
    if (!headers.authorization?.startsWith('AWS4-HMAC-SHA256 ')) {
      throw new ServiceError(403, 'AccessDenied');
    }
    const hash = createHash('sha256').update(body).digest('hex');
    if (headers['x-amz-content-sha256'] !== hash) {
      throw new ServiceError(400, 'XAmzContentSHA256Mismatch');
    }
  },
  checkPut: ({ headers }, _, exists) => {
    if (headers['if-none-match'] === '*' && exists && !options.careless) {
      throw new ServiceError(412, 'PreconditionFailed');
    }
  },
  keeps: (header) => header === 'content-type' || header.startsWith('x-amz-meta-'),
  encodeKey: (key) => encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/'),
  headError: () => ({}),
});
