import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFeedbackJournal, stateFolder } from './feedback-journal.ts';
import {
  callbackUrl,
  type LabelledPicture,
  retryAfter,
  type SendFeedbackOptions,
  sendFeedback,
} from './send-feedback.ts';

const pictures = async function* (count: number): AsyncGenerator<LabelledPicture> {
  for (let index = 0; index < count; index++) {
    yield { path: `cat.${index}.jpg`, label: 'cat', read: async () => Uint8Array.of(255, index) };
  }
};

/** A server that answers by a function of the picture's second byte and of how often it came. */
const createServer = (answer: (index: number, time: number) => Response | Error) => {
  const times = new Map<number, number>();
  const requests: { readonly url: string; readonly headers: Headers; readonly target: string }[] =
    [];
  let most = 0;
  let open = 0;
  const fetch: typeof globalThis.fetch = async (url, init) => {
    most = Math.max(most, ++open);
    await new Promise((resolve) => setImmediate(resolve));
    open--;
    const { picture, target } = JSON.parse(String(init?.body));
    requests.push({ url: String(url), headers: new Headers(init?.headers), target });
    const index = Buffer.from(picture.split(',')[1], 'base64')[1] ?? 0;
    times.set(index, (times.get(index) ?? 0) + 1);
    const reply = answer(index, times.get(index) ?? 0);
    if (reply instanceof Error) throw reply;
    return reply;
  };
  return { fetch, requests, times, most: () => most };
};

const accepted = () => Response.json({ result: true, id: 'x', status: 'accepted' });
const duplicate = (isHeldBack = false) =>
  Response.json({
    result: true,
    id: 'x',
    status: 'duplicate',
    ...(isHeldBack ? { reason: 'held-back' } : {}),
  });
const problem = (status: number, headers: Record<string, string> = {}) =>
  Response.json({ title: 'No', detail: 'because', code: 'no' }, { status, headers });

const waits: number[] = [];
const options = (
  fetch: typeof globalThis.fetch,
  more: Partial<SendFeedbackOptions> = {},
): SendFeedbackOptions => ({
  url: new URL('http://127.0.0.1:8080'),
  concurrency: 4,
  fetch,
  clock: {
    now: () => 0,
    monotonic: () => 0,
    sleep: async (milliseconds) => void waits.push(milliseconds),
  },
  signal: new AbortController().signal,
  ...more,
});

let folder = '';
beforeEach(async () => {
  waits.length = 0;
  folder = await mkdtemp(join(tmpdir(), 'relearn-journal-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('sendFeedback', () => {
  it('counts what the server says, several pictures at a time', async () => {
    const server = createServer((index) =>
      index < 3 ? accepted() : index < 5 ? duplicate(index === 3) : problem(422),
    );
    const counts = await sendFeedback(pictures(6), options(server.fetch, { key: 'k' }));
    expect(counts).toEqual({
      sent: 6,
      accepted: 3,
      duplicates: 2,
      heldBack: 1,
      rejected: 1,
      failed: 0,
    });
    expect(server.most()).toBe(4);
    expect(server.requests[0]).toMatchObject({
      url: 'http://127.0.0.1:8080/callback',
      target: 'cat',
    });
    expect(server.requests[0]?.headers.get('authorization')).toBe('Bearer k');
  });

  it.each([
    ['429 with Retry-After', () => problem(429, { 'retry-after': '3' }), [3000, 3000]],
    ['503', () => problem(503), [500, 1000]],
    ['a broken connection', () => new TypeError('fetch failed'), [500, 1000]],
  ])('tries again after %s', async (_, failure, expected) => {
    const server = createServer((_, time) => (time < 3 ? failure() : accepted()));
    const counts = await sendFeedback(pictures(1), options(server.fetch));
    expect(counts).toMatchObject({ sent: 1, accepted: 1, failed: 0 });
    expect(waits).toEqual(expected);
  });

  it('gives up where nobody answers at all', async () => {
    const server = createServer(() => new TypeError('fetch failed'));
    await expect(sendFeedback(pictures(1), options(server.fetch))).rejects.toMatchObject({
      code: 'server_unreachable',
    });
    expect(server.requests).toHaveLength(3);
  });

  it('counts what did not get there once the server is gone', async () => {
    const server = createServer((index) =>
      index === 0 ? accepted() : new TypeError('fetch failed'),
    );
    const problems: string[] = [];
    const counts = await sendFeedback(
      pictures(20),
      options(server.fetch, { concurrency: 1, onProblem: (_, reason) => problems.push(reason) }),
    );
    expect(counts).toMatchObject({ sent: 1, accepted: 1, duplicates: 0, rejected: 0, failed: 19 });
    // Only the second picture was tried for long; the rest was not held against a dead server.
    expect(server.requests).toHaveLength(8);
    expect(problems).toHaveLength(19);
    expect(problems.at(-1)).toBe('not sent: no answer from http://127.0.0.1:8080');
  });

  it.each([
    [401, 'missing_key'],
    [404, 'not_found'],
  ])('ends at once on %i, which concerns every picture', async (status, code) => {
    const server = createServer(() => problem(status));
    await expect(
      sendFeedback(pictures(20), options(server.fetch, { concurrency: 1 })),
    ).rejects.toMatchObject({ code });
    expect(server.requests).toHaveLength(1);
  });

  const refusal = (status: number, code: string) => () =>
    Response.json(
      { title: 'It is so.', code, hint: 'Make room.' },
      { status, headers: { 'retry-after': '60' } },
    );

  it.each([
    [507, 'storage_full'],
    [503, 'storage_read_only'],
    [503, 'store_too_new'],
  ])('ends at once on %i %s, and the next run sends the rest', async (status, code) => {
    const url = 'http://127.0.0.1:8080/callback';
    const first = createServer((index) => (index < 3 ? accepted() : refusal(status, code)()));
    await expect(
      sendFeedback(
        pictures(240),
        options(first.fetch, { journal: await openFeedbackJournal(folder, url), concurrency: 1 }),
      ),
    ).rejects.toMatchObject({
      kind: 'unavailable',
      code,
      message: expect.stringMatching(/It is so\. Sent until then: 3;/),
      hint: 'Make room. Then run the same command again.',
    });
    expect(first.requests).toHaveLength(4);
    expect(waits).toEqual([]);

    const second = createServer((index) => (index < 3 ? duplicate() : accepted()));
    const journal = await openFeedbackJournal(folder, url);
    expect(journal.answered.size).toBe(3);
    expect(
      await sendFeedback(pictures(240), options(second.fetch, { journal, concurrency: 1 })),
    ).toMatchObject({ accepted: 237, duplicates: 3 });
  });

  it('says why it waits, once for all pictures that wait together', async () => {
    const server = createServer((_, time) =>
      time === 1 ? problem(503, { 'retry-after': '5' }) : accepted(),
    );
    const told: unknown[] = [];
    await sendFeedback(
      pictures(4),
      options(server.fetch, { onWait: (...wait) => told.push(wait) }),
    );
    expect(told).toEqual([['because', 5000]]);
  });

  it('rejects a picture that can’t be read and goes on', async () => {
    const server = createServer(accepted);
    const stream = async function* (): AsyncGenerator<LabelledPicture> {
      yield { path: 'x', label: '', read: () => Promise.reject(new Error('broken')) };
      yield* pictures(1);
    };
    expect(await sendFeedback(stream(), options(server.fetch))).toMatchObject({
      sent: 1,
      accepted: 1,
      duplicates: 0,
      rejected: 1,
      failed: 0,
    });
  });
});

describe('the journal', () => {
  const url = 'http://127.0.0.1:8080/callback';

  it('lets a stopped run go on and disappears when it got through', async () => {
    const stop = new AbortController();
    const first = createServer((index) => {
      if (index === 9) stop.abort(new DOMException('SIGINT', 'AbortError'));
      return accepted();
    });
    await expect(
      sendFeedback(
        pictures(30),
        options(first.fetch, {
          concurrency: 1,
          signal: stop.signal,
          journal: await openFeedbackJournal(folder, url),
        }),
      ),
    ).rejects.toMatchObject({ name: 'AbortError' });

    const second = createServer((index) => (index <= 9 ? duplicate() : accepted()));
    const counts = await sendFeedback(
      pictures(30),
      options(second.fetch, { journal: await openFeedbackJournal(folder, url), concurrency: 1 }),
    );
    expect(counts.accepted + counts.duplicates).toBe(30);
    expect(counts.duplicates).toBeGreaterThanOrEqual(9);
    // One picture was sent again, to see that the server still has what the journal says.
    expect(second.requests.length).toBeLessThanOrEqual(22);
    expect(await readdir(folder)).toEqual([]);
  });

  it('is not believed where the server does not know its pictures', async () => {
    const journal = await openFeedbackJournal(folder, url);
    await sendFeedback(pictures(5), options(createServer(accepted).fetch, { journal })).then(
      async () => {
        const kept = await openFeedbackJournal(folder, url);
        await sendFeedback(
          pictures(6),
          options(createServer((index) => (index < 5 ? accepted() : new TypeError('gone'))).fetch, {
            journal: kept,
            concurrency: 1,
          }),
        );
      },
    );
    const fresh = createServer(accepted);
    const counts = await sendFeedback(
      pictures(6),
      options(fresh.fetch, { journal: await openFeedbackJournal(folder, url), concurrency: 1 }),
    );
    expect(counts).toMatchObject({ sent: 6, accepted: 6, duplicates: 0 });
    expect(fresh.requests).toHaveLength(6);
  });

  it('forgets where there is no folder', async () => {
    const journal = await openFeedbackJournal(undefined, url);
    journal.remember('x');
    await journal.finish();
    expect(journal.answered.size).toBe(0);
  });
});

it.each([
  ['http://h:1', 'http://h:1/callback'],
  ['http://h/base/', 'http://h/base/callback'],
  ['http://h/callback', 'http://h/callback'],
])('callbackUrl of %s is %s', (given, expected) => {
  expect(callbackUrl(new URL(given)).href).toBe(expected);
});

it.each([
  [null, undefined],
  ['2', 2000],
  ['999999', 60_000],
  ['Thu, 01 Jan 1970 00:00:05 GMT', 5000],
  ['soon', undefined],
])('retryAfter of %s is %s', (header, expected) => {
  expect(retryAfter(header, 0)).toBe(expected);
});

it.each([
  [{ XDG_STATE_HOME: '/s', HOME: '/h' }, join('/s', 'relearn')],
  [{ HOME: '/h' }, join('/h', '.local', 'state', 'relearn')],
  [{}, undefined],
])('stateFolder of %o is %s', (env, expected) => {
  expect(stateFolder(env)).toBe(expected);
});
