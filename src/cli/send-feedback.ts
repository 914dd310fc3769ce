/**
 * The client of `POST /callback`: sends labelled pictures several at a time, waits and tries again
 * where the server asks for it or the network fails, and counts what became of them.
 */
import type { Clock } from '../base/clock.ts';
import { isRelearnError, RelearnError } from '../base/errors.ts';
import { forEachTogether } from '../base/for-each-together.ts';
import { createForgetfulJournal, type FeedbackJournal, journalEntry } from './feedback-journal.ts';

export interface LabelledPicture {
  readonly path: string;
  readonly label: string;
  read(): Promise<Uint8Array>;
}

export interface FeedbackCounts {
  /** Answered by the server, in this run or in the stopped run that it continues. */
  sent: number;
  accepted: number;
  duplicates: number;
  /** Refused by the server, or unreadable here. */
  rejected: number;
  /** Never got there. */
  failed: number;
}

export interface SendFeedbackOptions {
  /** The server, or its /callback. */
  readonly url: URL;
  readonly key?: string;
  readonly concurrency: number;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** What an earlier, stopped run got through. */
  readonly journal?: FeedbackJournal;
  onCount?(counts: Readonly<FeedbackCounts>): void;
  /** Why a picture was rejected or did not get there. */
  onProblem?(path: string, reason: string): void;
}

type Answer =
  | { readonly kind: 'accepted' | 'duplicates' }
  | { readonly kind: 'rejected'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

const firstWait = 500;
const longestWait = 8_000;
/** With doubling waits: about 24 seconds, enough for a server to restart. */
const mostAttempts = 7;
/** Before the first answer a wrong address is likelier than a restart. */
const mostAttemptsUnanswered = 3;
const requestTimeout = 60_000;
/** A server may ask for more patience than ours, up to this. */
const longestAskedWait = 60_000;

export const callbackUrl = (server: URL): URL => {
  const url = new URL(server);
  if (!/\/callback\/?$/.test(url.pathname)) {
    url.pathname = `${url.pathname.replace(/\/$/, '')}/callback`;
  }
  return url;
};

/** The type by magic bytes, for the data URL; the server looks for itself. */
const mediaType = (bytes: Uint8Array): string => {
  if (bytes[0] === 0x89) return 'image/png';
  return bytes[0] === 0x52 ? 'image/webp' : 'image/jpeg';
};

/** Retry-After as milliseconds: seconds or a date (RFC 9110 10.2.3). */
export const retryAfter = (header: string | null, now: number): number | undefined => {
  if (header === null) return undefined;
  const asked = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isFinite(asked) ? Math.min(longestAskedWait, Math.max(0, asked)) : undefined;
};

const problemReason = async (response: Response): Promise<string> => {
  const text = await response.text().catch(() => '');
  try {
    const problem = JSON.parse(text) as { detail?: unknown; title?: unknown; code?: unknown };
    return String(problem.detail ?? problem.title ?? problem.code ?? response.status);
  } catch {
    return `HTTP ${response.status}`;
  }
};

/** Answers that concern every picture end the run. */
const wholeRunProblems: Readonly<Record<number, readonly [code: string, hint: string]>> = {
  401: ['missing_key', 'Give a key with the scope feedback: --key KEY.'],
  403: ['insufficient_scope', 'Give a key with the scope feedback: --key KEY.'],
  404: ['not_found', 'Check --url: it should be where `relearn serve` listens.'],
  405: ['method_not_allowed', 'Check --url: it should be where `relearn serve` listens.'],
};

const readAnswer = async (response: Response): Promise<Answer> => {
  if (response.ok) {
    const { status } = (await response.json()) as { readonly status?: string };
    // An item that waits for a person is in safe hands too.
    return { kind: status === 'duplicate' ? 'duplicates' : 'accepted' };
  }
  const reason = await problemReason(response);
  const whole = wholeRunProblems[response.status];
  if (whole) {
    throw new RelearnError('invalid', whole[0], `The server refuses feedback: ${reason}`, {
      hint: whole[1],
    });
  }
  return { kind: 'rejected', reason };
};

const isWorthRetrying = (status: number): boolean => status === 429 || status >= 500;

const createSender = (options: SendFeedbackOptions) => {
  const target = callbackUrl(options.url);
  let answeredOnce = false;

  const post = (picture: Uint8Array, label: string): Promise<Response> =>
    options.fetch(target, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(options.key === undefined ? {} : { authorization: `Bearer ${options.key}` }),
      },
      body: JSON.stringify({
        picture: `data:${mediaType(picture)};base64,${Buffer.from(picture).toString('base64')}`,
        target: label,
      }),
      signal: AbortSignal.any([options.signal, AbortSignal.timeout(requestTimeout)]),
    });

  return async (picture: Uint8Array, label: string): Promise<Answer> => {
    let wait = firstWait;
    for (let attempt = 1; ; attempt++) {
      let reason: string;
      let asked: number | undefined;
      try {
        const response = await post(picture, label);
        answeredOnce = true;
        if (!isWorthRetrying(response.status)) return await readAnswer(response);
        asked = retryAfter(response.headers.get('retry-after'), options.clock.now());
        reason = await problemReason(response);
      } catch (error) {
        options.signal.throwIfAborted();
        if (isRelearnError(error)) throw error;
        reason = `no answer from ${target.origin}`;
      }
      if (!answeredOnce && attempt >= mostAttemptsUnanswered) {
        throw new RelearnError(
          'unavailable',
          'server_unreachable',
          `No server answers at ${target.origin}.`,
          { hint: 'Start it with `relearn serve`, or check --url.' },
        );
      }
      if (attempt >= mostAttempts) return { kind: 'failed', reason };
      await options.clock.sleep(asked ?? wait, options.signal);
      wait = Math.min(longestWait, wait * 2);
    }
  };
};

export const sendFeedback = async (
  pictures: AsyncIterable<LabelledPicture>,
  options: SendFeedbackOptions,
): Promise<FeedbackCounts> => {
  const counts: FeedbackCounts = { sent: 0, accepted: 0, duplicates: 0, rejected: 0, failed: 0 };
  const send = createSender(options);
  const { journal = createForgetfulJournal() } = options;
  let journalIsTrusted: boolean | undefined;
  let gaveUp = false;

  const count = (path: string, answer: Answer, reached: boolean) => {
    counts[answer.kind]++;
    if (reached) counts.sent++;
    if ('reason' in answer) options.onProblem?.(path, answer.reason);
    options.onCount?.(counts);
  };

  /** The server may have a new store since: then the first journaled picture is new to it. */
  const sendJournaled = async (picture: Uint8Array, label: string): Promise<Answer> => {
    if (journalIsTrusted) return { kind: 'duplicates' };
    const answer = await send(picture, label);
    journalIsTrusted ??= answer.kind === 'duplicates';
    return answer;
  };

  const handle = async ({ path, label, read }: LabelledPicture): Promise<void> => {
    options.signal.throwIfAborted();
    if (gaveUp) return count(path, { kind: 'failed', reason: 'not sent' }, false);
    let picture: Uint8Array;
    try {
      picture = await read();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return count(path, { kind: 'rejected', reason }, false);
    }
    const entry = journalEntry(picture, label);
    const known = journalIsTrusted !== false && journal.answered.has(entry);
    const answer = await (known ? sendJournaled(picture, label) : send(picture, label));
    if (answer.kind === 'failed') gaveUp = true;
    else journal.remember(entry);
    count(path, answer, answer.kind !== 'failed');
  };

  try {
    await forEachTogether(pictures, options.concurrency, handle);
  } catch (error) {
    await journal.close();
    throw error;
  }
  await (counts.failed > 0 ? journal.close() : journal.finish());
  return counts;
};
