/** A service that hangs, trickles or hides behind somebody's web page: nothing of it is believed. */
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type BucketServer, startBucketServer } from '../../../test/bucket-server/bucket-server.ts';
import { ossRules } from '../../../test/bucket-server/oss-rules.ts';
import { s3Rules } from '../../../test/bucket-server/s3-rules.ts';
import { systemClock } from '../../base/clock.ts';
import { listKeys, type ObjectStore } from '../object-store.ts';
import { openBucket } from './open-bucket.ts';

const bytes = new TextEncoder().encode('x');
// An answer that does come has all the time that a busy machine may take for it.
const limits = { quiet: 400, slowest: 100, patience: 200, firstPause: 1, longestPause: 5 };
const credentials = () => ({ accessKeyId: 'key', secretAccessKey: 'secret' });
const accounts = { key: { secret: 'secret' } };
const services = {
  s3: { rules: s3Rules(), region: 'us-east-1' },
  oss: { rules: ossRules({ region: 'cn-shanghai', accounts }), region: 'cn-shanghai' },
} as const;

/** Everything the port can be asked for. */
const calls: Readonly<Record<string, (store: ObjectStore) => Promise<unknown>>> = {
  get: (store) => store.get('a'),
  head: (store) => store.head('a'),
  put: (store) => store.put('a', bytes),
  putIfAbsent: (store) => store.putIfAbsent('a', bytes),
  list: async (store) => {
    for await (const key of listKeys(store, '')) return key;
  },
  delete: (store) => store.delete('a'),
};

/** What a proxy or a login page answers with. */
const page = (status: number) => (response: ServerResponse) =>
  response
    .writeHead(status, { 'content-type': 'text/html; charset=utf-8', etag: '"page"' })
    .end('<!DOCTYPE html><html><body>Welcome</body></html>');

const trickle = (response: ServerResponse) => {
  response.writeHead(200, { etag: '"1"', 'content-length': 1_000 });
  const timer = setInterval(() => response.write('x'), 20);
  response.on('close', () => clearInterval(timer));
};

const allCalls = Object.keys(calls);
/** An answer to HEAD is over with its head; a create-only put that is left in doubt asks by HEAD. */
const withBody = ['get', 'put', 'list', 'delete'];
const oddities: readonly (readonly [
  what: string,
  answer: (response: ServerResponse) => void,
  calls: readonly string[],
  said: RegExp,
])[] = [
  ['hangs', () => {}, allCalls, /no answer began/],
  [
    'sends a head and nothing after it',
    (response) => response.writeHead(200, { etag: '"1"', 'content-length': 9 }).flushHeaders(),
    withBody,
    /did not go on/,
  ],
  ['lets a byte fall now and then', trickle, withBody, /did not go on/],
  ['hides behind a page that looks like success', page(200), allCalls, /HTTP 200, a web page/],
  ['hides behind a page that finds nothing', page(404), allCalls, /HTTP 404, a web page/],
  ['hides behind a page that forbids', page(403), allCalls, /HTTP 403, a web page/],
  ['hides behind a page of a gateway', page(502), allCalls, /HTTP 502, a web page/],
  [
    'was taken for another one',
    (response) => response.writeHead(200).end('{}'),
    ['get', 'head', 'put', 'putIfAbsent'],
    /HTTP 200, an answer without an entity tag/,
  ],
];

/** Asks a service of its own, so that many can hang at the same time. */
const withService = async (
  scheme: keyof typeof services,
  more: Partial<typeof limits>,
  use: (store: ObjectStore, server: BucketServer) => Promise<void>,
) => {
  const { rules, region } = services[scheme];
  const server = await startBucketServer(rules);
  try {
    const store = await openBucket(
      scheme,
      `${scheme}://odd?region=${region}&endpoint=${server.url}`,
      {
        clock: systemClock,
        newId: () => 'id',
        create: true,
        credentials,
        limits: { ...limits, ...more },
      },
    );
    await use(store, server);
  } finally {
    await server.close();
  }
};

describe.concurrent.each(['s3', 'oss'] as const)('%s', (scheme) => {
  const cases = oddities.flatMap(([what, answer, asked, said]) =>
    asked.map((name) => [name, what, answer, said] as const),
  );
  it.each(cases)('%s of a service that %s fails soon', async (name, _, answerOddly, said) => {
    await withService(scheme, {}, async (store, server) => {
      server.faults = () => ({ when: 'before', answerOddly });
      const began = performance.now();
      await expect(calls[name]?.(store)).rejects.toMatchObject({
        kind: 'unavailable',
        code: name === 'putIfAbsent' ? 'ambiguous_write' : 'storage_unavailable',
        message: expect.stringMatching(said),
        hint: expect.any(String),
      });
      expect(performance.now() - began).toBeLessThan(10_000);
      server.faults = () => undefined;
      expect(await store.get('a')).toBeUndefined();
    });
  });

  it('waits for a service that is slow, but not too slow, and asks it once', async () => {
    const quiet = 2_000;
    await withService(scheme, { quiet, patience: 2 * quiet }, async (store, server) => {
      const late = (response: ServerResponse) =>
        setTimeout(() => response.writeHead(200, { etag: '"1"' }).end(), quiet / 4);
      server.faults = () => ({ when: 'after', answerOddly: late });
      const before = server.requests.length;
      expect(await store.putIfAbsent('slow', bytes)).toBe('created');
      expect(server.requests.length - before).toBe(1);
      server.faults = () => undefined;
      expect(await store.get('slow')).toEqual(Buffer.from(bytes));
    });
  });
});
