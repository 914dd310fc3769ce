/**
 * The one place that says what an answer means. The error code decides; the status only where no
 * code came along. S3 and OSS codes stand together: no code means two things.
 */
import { NoAnswer } from './http-exchange.ts';
import type { Answer, BucketRequest } from './request.ts';
import { type TlsFailure, tlsFailureOf } from './tls-failure.ts';
import { readXml, textOf } from './xml.ts';

export type Meaning =
  /** A create-only put found the key taken, perhaps by an earlier try of its own. */
  | 'exists'
  /** Somebody wrote the same key at the same time; nothing landed. */
  | 'conflict'
  | 'no-object'
  | 'no-bucket'
  | 'bucket-taken'
  /** The store does not know this kind of request. */
  | 'wrong-dialect'
  | 'wrong-region'
  | 'expired'
  | 'bad-credentials'
  | 'denied'
  | 'clock-skew'
  | 'full'
  | 'busy'
  /** The service failed, or no answer came: whether the call had an effect is not known. */
  | 'unclear'
  /** The call was never sent. */
  | TlsFailure
  /** Anything else. */
  | 'unexpected';

const meaningOfCode: Readonly<Record<string, Meaning>> = {
  PreconditionFailed: 'exists',
  FileAlreadyExists: 'exists',
  ConditionalRequestConflict: 'conflict',
  OperationAborted: 'conflict',
  NoSuchKey: 'no-object',
  NoSuchBucket: 'no-bucket',
  BucketAlreadyExists: 'bucket-taken',
  NotImplemented: 'wrong-dialect',
  PermanentRedirect: 'wrong-region',
  TemporaryRedirect: 'wrong-region',
  AuthorizationHeaderMalformed: 'wrong-region',
  IllegalLocationConstraintException: 'wrong-region',
  InvalidRegionName: 'wrong-region',
  ExpiredToken: 'expired',
  TokenRefreshRequired: 'expired',
  SecurityTokenExpired: 'expired',
  InvalidAccessKeyId: 'bad-credentials',
  SignatureDoesNotMatch: 'bad-credentials',
  InvalidToken: 'bad-credentials',
  InvalidSecurityToken: 'bad-credentials',
  AccessDenied: 'denied',
  AllAccessDisabled: 'denied',
  AccountProblem: 'denied',
  UserDisable: 'denied',
  RequestTimeTooSkewed: 'clock-skew',
  QuotaExceeded: 'full',
  XMinioStorageFull: 'full',
  SlowDown: 'busy',
  TooManyRequests: 'busy',
  ServiceUnavailable: 'busy',
  ServerBusy: 'busy',
  QpsLimitExceeded: 'busy',
  RequestTimeout: 'unclear',
  InternalError: 'unclear',
};

const meaningOfStatus: Readonly<Record<number, Meaning>> = {
  301: 'wrong-region',
  307: 'wrong-region',
  401: 'bad-credentials',
  403: 'denied',
  404: 'no-object',
  408: 'unclear',
  412: 'exists',
  429: 'busy',
  501: 'wrong-dialect',
  503: 'busy',
  507: 'full',
};

/** Meanings after which the same call may bring something else. */
const transient: ReadonlySet<Meaning> = new Set(['conflict', 'busy', 'unclear']);
/** Meanings that leave open whether the call had an effect. A busy service may have done the work. */
const openEnded: ReadonlySet<Meaning> = new Set(['busy', 'unclear']);

/** An answer that is no success, understood. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly meaning: Meaning;
  readonly status: number;
  /** The service's own name for it; empty where none came along. */
  readonly code: string;
  /** The region or endpoint that the service names as the right one. */
  readonly rightPlace: string | undefined;
  readonly headers: Answer['headers'];

  constructor(answer: Answer) {
    const told = readXml(errorBody(answer));
    const code = (told && textOf(told, 'Code')) ?? '';
    const message = (told && textOf(told, 'Message')) ?? '';
    super([`HTTP ${answer.status}`, code, message].filter((part) => part !== '').join(' '));
    this.status = answer.status;
    this.code = code;
    this.headers = answer.headers;
    this.rightPlace =
      answer.headers['x-amz-bucket-region'] ??
      (told && (textOf(told, 'Region') ?? textOf(told, 'Endpoint')));
    // OSS has no code of its own for a signature made for another region.
    this.meaning = /signing region/i.test(message)
      ? 'wrong-region'
      : meaningOf(answer.status, code, this.rightPlace);
  }
}

/** Answers to HEAD have no body; OSS sends it in a header instead. */
const errorBody = ({ headers, body }: Answer): Uint8Array =>
  body.length === 0 && headers['x-oss-err'] ? Buffer.from(headers['x-oss-err'], 'base64') : body;

const meaningOf = (status: number, code: string, rightPlace?: string): Meaning => {
  const known = Object.hasOwn(meaningOfCode, code) ? meaningOfCode[code] : undefined;
  // OSS says no more than AccessDenied where a bucket lies behind another endpoint.
  if (known === 'denied' && rightPlace !== undefined) return 'wrong-region';
  return known ?? meaningOfStatus[status] ?? (status >= 500 ? 'unclear' : 'unexpected');
};

export const meaningOfError = (error: unknown): Meaning | undefined => {
  if (error instanceof Refusal) return error.meaning;
  return error instanceof NoAnswer ? (tlsFailureOf(error.code) ?? 'unclear') : undefined;
};

export const isTransient = (error: unknown): boolean => {
  const meaning = meaningOfError(error);
  return meaning !== undefined && transient.has(meaning);
};

export const leavesOpen = (error: unknown): boolean => {
  const meaning = meaningOfError(error);
  return meaning !== undefined && openEnded.has(meaning);
};

export const isSuccess = ({ status }: Answer): boolean => status >= 200 && status < 300;

/** What S3 and OSS put on every answer; not every relative of S3 does. */
const requestIds = ['x-amz-request-id', 'x-oss-request-id'];

/**
 * Why an answer can't be the store's own but comes from something in between: undefined where it
 * can. Believed, a proxy's page would be an object that was read, or a write that never was.
 */
export const whyNotFromStore = (
  { method, key }: BucketRequest,
  answer: Answer,
): string | undefined => {
  const { headers } = answer;
  if (requestIds.some((name) => headers[name] !== undefined)) return undefined;
  if (/^text\/html\b/i.test(headers['content-type'] ?? ''))
    return 'a web page in place of an answer of the storage';
  const hasTag = key === undefined || method === 'DELETE' || headers.etag !== undefined;
  return isSuccess(answer) && !hasTag ? 'an answer without an entity tag' : undefined;
};

/** Milliseconds that the service asks to wait; undefined where it asks nothing. */
export const askedWait = (error: unknown, now: number): number | undefined => {
  const text = error instanceof Refusal ? error.headers['retry-after'] : undefined;
  if (text === undefined) return undefined;
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isFinite(wait) && wait > 0 ? wait : undefined;
};
