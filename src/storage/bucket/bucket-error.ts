/** From what a bucket's answer means to what the person who runs the program should do. */
import { RelearnError } from '../../base/errors.ts';
import { type Meaning, meaningOfError, Refusal } from './answers.ts';
import { NoAnswer } from './http-exchange.ts';

/** What was asked, for the message. */
export interface Attempt {
  /** The store, as `location` names it. */
  readonly location: string;
  readonly bucket: string;
  readonly doing: 'read' | 'write' | 'list' | 'create the bucket';
  /** As the caller knows it. */
  readonly key: string;
}

interface Advice {
  readonly code: string;
  message(attempt: Attempt): string;
  readonly hint: string | ((attempt: Attempt, rightPlace: string | undefined) => string);
}

const about = ({ doing, key, location }: Attempt): string =>
  doing === 'create the bucket' ? `${doing} of ${location}` : `${doing} ${key} in ${location}`;

/** Where changed credentials take effect, and when. */
const readAgain =
  "A changed file of shared credentials and a host's own are taken up by themselves, changed variables at the next start.";

const away: Advice = {
  code: 'storage_unavailable',
  message: (attempt) => `The storage could not ${about(attempt)}.`,
  hint: 'Check the network and the endpoint (host, port, http or https), then try again.',
};

const mayNotWrite: Advice = {
  code: 'storage_read_only',
  message: (attempt) => `These credentials may not ${about(attempt)}.`,
  hint: 'Allow them to put and delete objects of this bucket, or use others.',
};

const mayNotRead: Advice = {
  code: 'storage_denied',
  message: (attempt) => `These credentials may not ${about(attempt)}.`,
  hint: 'Allow them to get and list objects of this bucket, or use others.',
};

const advice: Readonly<Record<Exclude<Meaning, 'denied'>, Advice>> = {
  exists: away,
  conflict: away,
  'no-object': away,
  'no-bucket': {
    code: 'bucket_not_found',
    message: ({ bucket, location }) => `There is no bucket ${bucket} (${location}).`,
    hint: ({ location }) =>
      `Check its name, region and endpoint, or create it with: relearn init --labels cat,dog --store '${location}'`,
  },
  'bucket-taken': {
    code: 'bucket_taken',
    message: ({ bucket }) => `The bucket name ${bucket} belongs to somebody else.`,
    hint: 'Bucket names are shared by everybody: choose another one.',
  },
  'wrong-dialect': {
    code: 'storage_not_suitable',
    message: (attempt) =>
      `The storage does not know the kind of request that it takes to ${about(attempt)}.`,
    hint: 'Alibaba OSS is addressed as oss://bucket?region=…; other stores need conditional writes (If-None-Match).',
  },
  'wrong-region': {
    code: 'storage_wrong_region',
    message: ({ bucket }) => `The bucket ${bucket} lies in another region.`,
    hint: (_, rightPlace) =>
      rightPlace === undefined
        ? 'Name its region in the store: ?region=…'
        : `The service says that it is ${rightPlace}; name that in the store: ?region=… or ?endpoint=…`,
  },
  expired: {
    code: 'storage_credentials_expired',
    message: (attempt) => `The credentials have expired; they were to ${about(attempt)}.`,
    hint: `Get new ones. ${readAgain}`,
  },
  'bad-credentials': {
    code: 'storage_credentials_refused',
    message: (attempt) => `The storage does not accept the credentials to ${about(attempt)}.`,
    hint: `Check the key id, its secret and, with temporary credentials, the token. ${readAgain}`,
  },
  'clock-skew': {
    code: 'storage_clock_skew',
    message: () => "This machine's clock differs too much from the storage's.",
    hint: 'Set the clock, best by NTP.',
  },
  full: {
    code: 'storage_full',
    message: (attempt) => `There is no space left to ${about(attempt)}.`,
    hint: 'Raise the quota, or free some space; nothing that was stored before is lost.',
  },
  busy: {
    code: 'storage_unavailable',
    message: (attempt) => `The storage is too busy to ${about(attempt)}.`,
    hint: 'Try again later.',
  },
  unclear: away,
  'no-tls': {
    code: 'storage_tls',
    message: (attempt) =>
      `No secure connection came about, so the storage could not ${about(attempt)}.`,
    hint: 'Where the service speaks plain HTTP, say so: endpoint=http://host:port. Else it and Node have no version of TLS in common.',
  },
  untrusted: {
    code: 'storage_tls',
    message: (attempt) =>
      `The storage's certificate is not trusted here, so it was not asked to ${about(attempt)}.`,
    hint: 'Name the certificate of the authority that vouches for it: NODE_EXTRA_CA_CERTS=FILE.pem.',
  },
  'other-name': {
    code: 'storage_tls',
    message: (attempt) =>
      `The storage's certificate is for another host, so it was not asked to ${about(attempt)}.`,
    hint: "Name the endpoint as the certificate does; where the bucket's name before the host is what does not fit, add pathStyle=true.",
  },
  'out-of-date': {
    code: 'storage_tls',
    message: (attempt) =>
      `The storage's certificate is out of date, so it was not asked to ${about(attempt)}.`,
    hint: "Renew it; where it is new, check this machine's clock.",
  },
  unexpected: away,
};

const adviceFor = (meaning: Meaning, { doing }: Attempt): Advice => {
  if (meaning !== 'denied') return advice[meaning];
  return doing === 'read' || doing === 'list' ? mayNotRead : mayNotWrite;
};

/** @returns RelearnError unavailable with the original as its cause; other errors as they are */
export const bucketError = (error: unknown, attempt: Attempt): unknown => {
  const meaning = meaningOfError(error);
  if (meaning === undefined || !(error instanceof Error)) return error;
  const { code, message, hint } = adviceFor(meaning, attempt);
  // What OpenSSL says is for those who look at the cause.
  const said = code === 'storage_tls' && error instanceof NoAnswer ? error.code : error.message;
  const rightPlace = error instanceof Refusal ? error.rightPlace : undefined;
  return new RelearnError('unavailable', code, `${message(attempt)} (${said})`, {
    hint: typeof hint === 'string' ? hint : hint(attempt, rightPlace),
    cause: error,
    details: { key: attempt.key, ...retryAfterOf(error) },
  });
};

/** The seconds that the service asks for, where it names a number: whoever asked us gets it too. */
const retryAfterOf = (error: Error): { retryAfter?: number } => {
  const text = error instanceof Refusal ? error.headers['retry-after'] : undefined;
  return text !== undefined && /^\d+$/.test(text) ? { retryAfter: Number(text) } : {};
};

/** The outcome of a create-only put is not known. */
export const ambiguousWrite = (key: string, cause: unknown): RelearnError =>
  new RelearnError(
    'unavailable',
    'ambiguous_write',
    `It is not known whether ${key} was written (${cause instanceof Error ? cause.message : cause}).`,
    { hint: 'Try again; a second write of the same bytes is safe.', cause, details: { key } },
  );
