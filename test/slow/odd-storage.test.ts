/**
 * The built program on a storage that never answers, trickles, answers slowly or with somebody else's
 * pages: predictions go on, the rest is refused within seconds, and nothing is lost when all is well
 * again.
 */
import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type BucketServer,
  type Fault,
  startBucketServer,
} from '../bucket-server/bucket-server.ts';
import { s3Rules } from '../bucket-server/s3-rules.ts';
import { makeFolder } from '../integration/pictures.ts';
import { endAll, relearnJson, type Server, serve, useEnvironment } from '../integration/program.ts';
import { writeSmallSet } from '../integration/small-store.ts';
import {
  ask,
  expectPredictions,
  expectRefused,
  feedbackOf,
  fillWithModel,
  pendingCats,
  predict,
  soon,
} from './ask-server.ts';

let folder: Awaited<ReturnType<typeof makeFolder>>;
let pictures: string;
beforeAll(async () => {
  folder = await makeFolder();
  pictures = await writeSmallSet(folder.path);
});
afterAll(async () => {
  await endAll();
  await folder.remove();
});

/** What a proxy or a login page answers with. */
const page = (status: number) => (response: ServerResponse) =>
  response
    .writeHead(status, { 'content-type': 'text/html' })
    .end('<html><body>Sign in to continue</body></html>');
const trickle = (response: ServerResponse) => {
  response.writeHead(200, { etag: '"1"', 'content-length': 1_000_000 });
  const timer = setInterval(() => response.write('x'), 1_000);
  response.on('close', () => clearInterval(timer));
};

describe('a service', () => {
  let service: BucketServer;
  let store: string;
  let server: Server;
  beforeAll(async () => {
    service = await startBucketServer(s3Rules());
    useEnvironment({ AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' });
    store = `s3://odd?endpoint=${service.url}&region=us-east-1`;
    await fillWithModel(store, pictures);
    server = await serve(store, '--functions', 'predict,feedback,studio');
    expect((await predict(server, 1)).status).toBe(200);
  });
  afterAll(async () => {
    await endAll();
    await service?.close();
  });

  afterEach(() => {
    service.faults = () => undefined;
    service.delay = 0;
  });

  let seed = 10_000;
  const slowDown = { status: 503, code: 'SlowDown', headers: { 'retry-after': '30' } };
  it.each<[string, Fault]>([
    ['never answers', { when: 'before', answerOddly: () => {} }],
    [
      'sends a head and nothing after it',
      {
        when: 'before',
        answerOddly: (response) =>
          response.writeHead(200, { etag: '"1"', 'content-length': 9 }).flushHeaders(),
      },
    ],
    ['lets a byte a second fall', { when: 'before', answerOddly: trickle }],
    ['is hidden by a page that says 200', { when: 'before', answerOddly: page(200) }],
    ['is hidden by a page that says 404', { when: 'before', answerOddly: page(404) }],
    ['is hidden by a page that says 502', { when: 'before', answerOddly: page(502) }],
    ['asks to slow down', { when: 'before', answer: slowDown }],
    ['is too busy', { when: 'before', answer: { status: 429, code: 'TooManyRequests' } }],
  ])('that %s: predictions go on, feedback is refused soon, and taken later', async (_, fault) => {
    const before = await pendingCats(store);
    const body = await feedbackOf(++seed);
    service.faults = () => fault;
    service.requests.length = 0;
    const [refused, models] = await Promise.all([
      ask(server, '/callback', body),
      ask(server, '/api/models'),
      expectPredictions(server, 10),
    ]);
    expectRefused(refused);
    expectRefused(models);
    // Tries are bounded, those of the server's own looks at the log included.
    const looks = service.requests.filter(({ url }) => url.includes('/log/'));
    expect(looks.length).toBeLessThan(50);
    if (fault.answer === slowDown) expect(refused.retryAfter).toBe('30');

    service.faults = () => undefined;
    const taken = await ask(server, '/callback', body);
    expect(taken.status).toBe(200);
    expect(await pendingCats(store)).toBe(before + 1);
  });

  it('that does what it is asked and never says so: the item is there once', async () => {
    const before = await pendingCats(store);
    const body = await feedbackOf(55_555);
    service.faults = ({ method }) =>
      method === 'GET' ? undefined : { when: 'after', answerOddly: () => {} };
    expectRefused(await ask(server, '/callback', body), 2 * soon);
    service.faults = () => undefined;
    expect((await ask(server, '/callback', body)).body.status).toBe('duplicate');
    expect(await pendingCats(store)).toBe(before + 1);
  });

  it('that takes two seconds for each call is waited for', async () => {
    service.delay = 2_000;
    const [taken] = await Promise.all([
      ask(server, '/callback', await feedbackOf(77_777)),
      expectPredictions(server, 10),
    ]);
    expect(taken.status).toBe(200);
    service.delay = 0;
    expect(await relearnJson('fsck', '--store', store)).toMatchObject({ ok: true, problems: [] });
  });
});
