/** Alibaba Cloud OSS as strict as the real one, where Relearn's driver could go wrong. */
import { createHash } from 'node:crypto';
import { type Rules, ServiceError } from './bucket-server.ts';
import { isSignedBy, parseAuthorization } from './verify-oss-signature.ts';

/** Somebody whom the service knows. */
export interface OssAccount {
  readonly secret: string;
  /** Temporary credentials carry this token. */
  readonly token?: string;
  /** Milliseconds since 1970. */
  readonly tokenEnds?: number;
  readonly readOnly?: boolean;
}

export interface OssRulesOptions {
  readonly region: string;
  readonly accounts: Readonly<Record<string, OssAccount>>;
  /** Milliseconds since 1970. */
  now?(): number;
}

const mostSkew = 15 * 60 * 1000;
const virtualHost = /^([a-z0-9-]+)\.oss-[a-z0-9-]+\.aliyuncs\.com$/;

const parseTime = (text = ''): number =>
  Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));

/** The bucket in the host name, or in the path where the host is an address. */
const resourceOf = (host: string, url: string): string => {
  const path = url.split('?')[0] ?? '';
  const named = virtualHost.exec(host)?.[1];
  if (named) return `/${named}${path}`;
  if (!/^[\d.]+(:\d+)?$/.test(host)) throw new ServiceError(403, 'SecondLevelDomainForbidden');
  return path.split('/').length < 3 ? `${path}/` : path;
};

export const ossRules = ({ region, accounts, now = Date.now }: OssRulesOptions): Rules => ({
  locate: ({ host, url }) => {
    const [, bucket = '', ...key] = resourceOf(host, url).split('/');
    const path = key.join('/');
    return { bucket, key: path === '' ? undefined : decodeURIComponent(path) };
  },
  authenticate: (request) => {
    const { headers, host, url, method } = request;
    const proof = parseAuthorization(headers.authorization ?? '');
    if (!proof) throw new ServiceError(403, 'AccessDenied', 'You are not authorized.');
    const account = accounts[proof.accessKeyId];
    if (!account) throw new ServiceError(403, 'InvalidAccessKeyId');
    if (proof.region !== region) {
      throw new ServiceError(
        400,
        'InvalidArgument',
        'Invalid signing region in Authorization header.',
      );
    }
    const time = parseTime(headers['x-oss-date']);
    if (!(Math.abs(now() - time) <= mostSkew)) throw new ServiceError(403, 'RequestTimeTooSkewed');
    if (account.token !== headers['x-oss-security-token']) {
      throw new ServiceError(403, 'InvalidSecurityToken');
    }
    if ((account.tokenEnds ?? Number.POSITIVE_INFINITY) < now()) {
      throw new ServiceError(403, 'SecurityTokenExpired', 'The security token has expired.');
    }
    if (!isSignedBy(request, resourceOf(host, url), account.secret, proof)) {
      throw new ServiceError(403, 'SignatureDoesNotMatch');
    }
    if (account.readOnly && method !== 'GET' && method !== 'HEAD') {
      throw new ServiceError(403, 'AccessDenied', 'You have no right to access this object.');
    }
  },
  checkPut: ({ headers, body }, bucket, exists) => {
    if (headers['if-none-match'] ?? headers['if-match']) {
      throw new ServiceError(
        501,
        'NotImplemented',
        'A header you provided implies functionality that is not implemented.',
      );
    }
    if (headers['content-encoding'] === 'aws-chunked' || headers['transfer-encoding']) {
      throw new ServiceError(400, 'InvalidArgument', 'aws-chunked encoding is not supported.');
    }
    const digest = createHash('md5').update(body).digest('base64');
    if ((headers['content-md5'] ?? digest) !== digest) throw new ServiceError(400, 'InvalidDigest');
    const forbidden = headers['x-oss-forbid-overwrite'] === 'true';
    // With versioning, even suspended, the header has no effect.
    if (forbidden && exists && bucket.versioning === undefined) {
      throw new ServiceError(409, 'FileAlreadyExists', 'The object you specified already exists.');
    }
  },
  keeps: (header) => header === 'content-type' || header.startsWith('x-oss-meta-'),
  encodeKey: (key) => encodeURIComponent(key),
  headError: (xml) => ({ 'x-oss-err': Buffer.from(xml).toString('base64') }),
});
