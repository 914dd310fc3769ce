/**
 * Signs a call, sends it and tries again where that can help: with growing pauses and jitter, or
 * after the time that the service asks for, until the call has waited long enough. Looks after
 * temporary credentials and a wrong clock.
 */
import pRetry from 'p-retry';
import type { Clock } from '../../base/clock.ts';
import { addressRequest, type BucketAddress } from './address.ts';
import { askedWait, isSuccess, isTransient, Refusal, whyNotFromStore } from './answers.ts';
import { type Exchange, NoAnswer } from './http-exchange.ts';
import { defaultLimits, type Limits } from './limits.ts';
import type { Answer, BucketRequest, CredentialSource, Credentials, Dialect } from './request.ts';

export interface BucketClientOptions {
  readonly address: BucketAddress;
  readonly dialect: Dialect;
  readonly credentials: CredentialSource;
  readonly exchange: Exchange;
  readonly clock: Clock;
  readonly limits?: Partial<Limits>;
}

/**
 * @param patience milliseconds in place of those of the limits; 0 = one try
 * @throws Refusal where the answer is no success, NoAnswer where none came
 */
export type BucketClient = (request: BucketRequest, patience?: number) => Promise<Answer>;

/** Milliseconds; a service that asks for more is asked again sooner. */
const longestAskedWait = 30_000;

/** Answers to HEAD say no more than 403. */
const isAboutCredentials = ({ meaning, code }: Refusal): boolean =>
  meaning === 'expired' || meaning === 'bad-credentials' || (meaning === 'denied' && code === '');

const isSame = (a: Credentials, b: Credentials): boolean =>
  a.accessKeyId === b.accessKeyId &&
  a.secretAccessKey === b.secretAccessKey &&
  a.sessionToken === b.sessionToken;

export const createBucketClient = (options: BucketClientOptions): BucketClient => {
  const { address, dialect, credentials, exchange, clock } = options;
  const limits = { ...defaultLimits, ...options.limits };
  /** What to add to this machine's clock so that the service believes it. Milliseconds. */
  let clockOffset = 0;

  const attempt = async (request: BucketRequest, given: Credentials): Promise<Answer> => {
    const addressed = addressRequest(address, request);
    const now = new Date(clock.now() + clockOffset);
    const answer = await exchange({
      origin: new URL(`${address.endpoint.protocol}//${addressed.host}`),
      method: request.method,
      path: addressed.path,
      headers: dialect.sign(addressed, given, now),
      ...(request.body ? { body: request.body } : {}),
    });
    const stranger = whyNotFromStore(request, answer);
    if (stranger !== undefined) throw new NoAnswer(`HTTP ${answer.status}, ${stranger}`);
    if (isSuccess(answer)) return answer;
    throw new Refusal(answer);
  };

  /** One more try where the cause can be mended here: new credentials, the service's own time. */
  const attemptMended = async (request: BucketRequest): Promise<Answer> => {
    const given = await credentials();
    try {
      return await attempt(request, given);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (isAboutCredentials(error)) {
        const renewed = await credentials(true);
        if (error.meaning !== 'expired' && isSame(given, renewed)) throw error;
        return attempt(request, renewed);
      }
      const theirs = Date.parse(error.headers.date ?? '');
      if (error.meaning !== 'clock-skew' || Number.isNaN(theirs)) throw error;
      clockOffset = theirs - clock.now();
      return attempt(request, given);
    }
  };

  return (request, patience = limits.patience) => {
    let waited = 0;
    let began = clock.monotonic();
    let ended = began;
    return pRetry(
      () => {
        began = clock.monotonic();
        waited += began - ended;
        return attemptMended(request);
      },
      {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: limits.firstPause,
        maxTimeout: limits.longestPause,
        randomize: true,
        shouldRetry: async ({ error }) => {
          ended = clock.monotonic();
          // A try that took longer was moving, until it fell silent.
          waited += Math.min(ended - began, limits.quiet);
          const asked = Math.min(askedWait(error, clock.now()) ?? 0, longestAskedWait);
          if (!isTransient(error) || waited + asked >= patience) return false;
          if (asked > 0) await clock.sleep(asked);
          return true;
        },
      },
    );
  };
};
