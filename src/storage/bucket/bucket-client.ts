/**
 * Signs a call, sends it and tries again where that can help: with growing pauses and jitter, or
 * after the time that the service asks for. Looks after temporary credentials and a wrong clock.
 */
import pRetry from 'p-retry';
import type { Clock } from '../../base/clock.ts';
import { addressRequest, type BucketAddress } from './address.ts';
import { askedWait, isTransient, Refusal } from './answers.ts';
import type { Exchange } from './http-exchange.ts';
import type { Answer, BucketRequest, CredentialSource, Dialect } from './request.ts';

/** Milliseconds; tests shorten them. */
export interface RetryPauses {
  readonly first: number;
  readonly longest: number;
}

export interface BucketClientOptions {
  readonly address: BucketAddress;
  readonly dialect: Dialect;
  readonly credentials: CredentialSource;
  readonly exchange: Exchange;
  readonly clock: Clock;
  readonly pauses?: RetryPauses;
}

/** @throws Refusal where the answer is no success, NoAnswer where none came */
export type BucketClient = (request: BucketRequest) => Promise<Answer>;

const mostRetries = 5;
const longestAskedWait = 30_000;

export const createBucketClient = (options: BucketClientOptions): BucketClient => {
  const { address, dialect, credentials, exchange, clock } = options;
  const { first, longest } = options.pauses ?? { first: 100, longest: 5_000 };
  /** What to add to this machine's clock so that the service believes it. Milliseconds. */
  let clockOffset = 0;

  const attempt = async (request: BucketRequest, renew: boolean): Promise<Answer> => {
    const addressed = addressRequest(address, request);
    const now = new Date(clock.now() + clockOffset);
    const headers = dialect.sign(addressed, await credentials(renew), now);
    const answer = await exchange({
      origin: new URL(`${address.endpoint.protocol}//${addressed.host}`),
      method: request.method,
      path: addressed.path,
      headers,
      ...(request.body ? { body: request.body } : {}),
    });
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw new Refusal(answer);
  };

  /** One more try where the cause can be mended here: new credentials, the service's own time. */
  const attemptMended = async (request: BucketRequest): Promise<Answer> => {
    try {
      return await attempt(request, false);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.meaning === 'expired') return attempt(request, true);
      const theirs = Date.parse(error.headers.date ?? '');
      if (error.meaning !== 'clock-skew' || Number.isNaN(theirs)) throw error;
      clockOffset = theirs - clock.now();
      return attempt(request, false);
    }
  };

  return (request) =>
    pRetry(() => attemptMended(request), {
      retries: mostRetries,
      minTimeout: first,
      maxTimeout: longest,
      randomize: true,
      shouldRetry: ({ error }) => isTransient(error),
      onFailedAttempt: async ({ error, retriesLeft }) => {
        const wait = askedWait(error, clock.now());
        if (wait === undefined || retriesLeft === 0 || !isTransient(error)) return;
        await clock.sleep(Math.min(wait, longestAskedWait));
      },
    });
};
