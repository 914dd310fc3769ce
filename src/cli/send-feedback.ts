/**
 * The client of `POST /callback`: sends labelled pictures several at a time, waits and tries again
 * where the server asks for it or the network fails, and counts what became of them. An answer that
 * repeating can't cure soon ends the sending at once.
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
  /** Those of the duplicates that judge models, so that their label stays as it is. */
  heldBack: number;
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
  /** Why nothing moves for so many milliseconds; at most once in five seconds. */
  onWait?(reason: string, milliseconds: number): void;
}

type Answer =
  | { readonly kind: 'accepted' | 'duplicates'; readonly heldBack?: boolean }
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
const betweenWaitsTold = 5_000;

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

interface Refusal {
  readonly code: string;
  readonly reason: string;
  /** Empty where the server gave none. */
  readonly hint: string;
}

const readRefusal = async (response: Response): Promise<Refusal> => {
  const status = `HTTP ${response.status}`;
  const text = await response.text().catch(() => '');
  try {
    const { detail, title, code, hint } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return {
      code: String(code ?? ''),
      reason: String(detail ?? title ?? code ?? status),
      hint: String(hint ?? ''),
    };
  } catch {
    return { code: '', reason: status, hint: '' };
  }
};

interface Lasting {
  readonly code: string;
  /** In place of the server's. */
  readonly hint?: string;
}

const keyHint = 'Give a key with the scope feedback: --key KEY.';
const addressHint = 'Check --url: it should be where `relearn serve` listens.';

/** Answers that concern every picture and that repeating can't cure soon, by status. */
const lastingStatuses: Readonly<Record<number, Lasting>> = {
  401: { code: 'missing_key', hint: keyHint },
  403: { code: 'insufficient_scope', hint: keyHint },
  404: { code: 'not_found', hint: addressHint },
  405: { code: 'method_not_allowed', hint: addressHint },
  507: { code: 'storage_full' },
};
/** Among the other answers 503, which a little patience cures. */
const lastingCodes: readonly string[] = ['storage_full', 'storage_read_only', 'store_too_new'];

const endSending = ({ code, hint }: Lasting, refusal: Refusal): RelearnError =>
  new RelearnError(
    hint === undefined ? 'unavailable' : 'invalid',
    code,
    `The server takes no feedback: ${refusal.reason}`,
    { hint: `${hint ?? refusal.hint} Then run the same command again.`.trimStart() },
  );

/** Said when everything that was on its way has ended: only then the count is known. */
const withCount = (error: unknown, { sent }: Readonly<FeedbackCounts>): unknown =>
  isRelearnError(error) && sent > 0
    ? new RelearnError(
        error.kind,
        error.code,
        `${error.message} Sent until then: ${sent}; the rest waits for the next run.`,
        { ...(error.hint === undefined ? {} : { hint: error.hint }), cause: error },
      )
    : error;

const lastingOf = (status: number, code: string): Lasting | undefined =>
  lastingStatuses[status] ?? (lastingCodes.includes(code) ? { code } : undefined);

const readAccepted = async (response: Response): Promise<Answer> => {
  const { status, reason } = (await response.json()) as Partial<Record<string, string>>;
  // An item that waits for a person is in safe hands too.
  const kind = status === 'duplicate' ? 'duplicates' : 'accepted';
  return { kind, heldBack: reason === 'held-back' };
};

const isWorthRetrying = (status: number): boolean => status === 429 || status >= 500;

const createSender = (options: SendFeedbackOptions) => {
  const target = callbackUrl(options.url);
  let answeredOnce = false;
  let toldUntil = Number.NEGATIVE_INFINITY;

  /** Pictures wait together: one line for all of them. */
  const tellWait = (reason: string, milliseconds: number): void => {
    const now = options.clock.monotonic();
    if (now < toldUntil) return;
    toldUntil = now + Math.max(milliseconds, betweenWaitsTold);
    options.onWait?.(reason, milliseconds);
  };

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
        if (response.ok) return await readAccepted(response);
        const refusal = await readRefusal(response);
        const lasting = lastingOf(response.status, refusal.code);
        if (lasting) throw endSending(lasting, refusal);
        reason = refusal.reason;
        if (!isWorthRetrying(response.status)) return { kind: 'rejected', reason };
        asked = retryAfter(response.headers.get('retry-after'), options.clock.now());
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
      tellWait(reason, asked ?? wait);
      await options.clock.sleep(asked ?? wait, options.signal);
      wait = Math.min(longestWait, wait * 2);
    }
  };
};

export const sendFeedback = async (
  pictures: AsyncIterable<LabelledPicture>,
  options: SendFeedbackOptions,
): Promise<FeedbackCounts> => {
  const counts: FeedbackCounts = {
    sent: 0,
    accepted: 0,
    duplicates: 0,
    heldBack: 0,
    rejected: 0,
    failed: 0,
  };
  const send = createSender(options);
  const { journal = createForgetfulJournal() } = options;
  let journalIsTrusted: boolean | undefined;
  let gaveUp: string | undefined;

  const count = (path: string, answer: Answer, reached: boolean) => {
    counts[answer.kind]++;
    if (reached) counts.sent++;
    if ('heldBack' in answer && answer.heldBack) counts.heldBack++;
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
    if (gaveUp) return count(path, { kind: 'failed', reason: `not sent: ${gaveUp}` }, false);
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
    if (answer.kind === 'failed') gaveUp = answer.reason;
    else journal.remember(entry);
    count(path, answer, answer.kind !== 'failed');
  };

  try {
    await forEachTogether(pictures, options.concurrency, handle);
  } catch (error) {
    await journal.close();
    throw withCount(error, counts);
  }
  await (counts.failed > 0 ? journal.close() : journal.finish());
  return counts;
};
