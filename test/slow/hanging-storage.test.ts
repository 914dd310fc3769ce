/**
 * The built program on a storage that hangs, trickles, answers slowly or with somebody else's pages,
 * and whose credentials are taken away: predictions go on, the rest is refused within seconds, and
 * nothing is lost when all is well again.
 */

import { writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ModelsReport, StatusReport } from '../../src/records/reports.ts';
import {
  type BucketServer,
  type Fault,
  startBucketServer,
} from '../bucket-server/bucket-server.ts';
import { s3Rules } from '../bucket-server/s3-rules.ts';
import { dataUrl, makeFolder, makePicture } from '../integration/pictures.ts';
import {
  endAll,
  findTrainingChild,
  relearnJson,
  type Server,
  serve,
  sleep,
  start,
  until,
  useEnvironment,
} from '../integration/program.ts';
import { briefly, fillSmallStore, writeSmallSet } from '../integration/small-store.ts';
import { type Radosgw, startRadosgw, whyNoRadosgw } from './radosgw.ts';

/** Milliseconds: what a person may be kept waiting, with room for a busy machine. */
const soon = 20_000;
const atOnce = 2_000;

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

/** A store with a first model. */
const fill = async (store: string) => {
  await fillSmallStore(store, pictures);
  await relearnJson('train', ...briefly, '--store', store);
};

interface Answer {
  readonly status: number;
  readonly body: { readonly code?: string; readonly hint?: string; readonly status?: string };
  readonly retryAfter: string | null;
  readonly milliseconds: number;
}

const ask = async ({ url }: Server, path: string, body?: string): Promise<Answer> => {
  const began = performance.now();
  const answer = await fetch(`${url}${path}`, body ? { method: 'POST', body } : {});
  const said = (await answer.json()) as Answer['body'];
  return {
    status: answer.status,
    body: said,
    retryAfter: answer.headers.get('retry-after'),
    milliseconds: performance.now() - began,
  };
};

const feedbackOf = async (seed: number) =>
  JSON.stringify({ picture: dataUrl(await makePicture('cat', seed)), target: 'cat' });
const predict = async (server: Server, seed: number) =>
  ask(server, '/predict', dataUrl(await makePicture('cat', seed)));

const expectRefused = ({ status, body, retryAfter, milliseconds }: Answer, most = soon) => {
  expect({ status, body }).toMatchObject({
    status: 503,
    body: { code: 'storage_unavailable', hint: expect.any(String) },
  });
  expect(Number(retryAfter)).toBeGreaterThan(0);
  expect(milliseconds).toBeLessThan(most);
};

const expectPredictions = async (server: Server, times: number) => {
  for (let seed = 0; seed < times; seed++) {
    const { status, milliseconds } = await predict(server, 1_000 + seed);
    expect(status).toBe(200);
    expect(milliseconds).toBeLessThan(atOnce);
    await sleep(200);
  }
};

const readyWithin = (server: Server, status: number, seconds: number) =>
  until(
    `/readyz to answer ${status}`,
    async () => ((await ask(server, '/readyz')).status === status ? true : undefined),
    seconds,
  );

const warnings = (server: Server) =>
  server
    .log()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map(
      (line) =>
        JSON.parse(line) as {
          level: number;
          msg: string;
          code?: string;
          reason?: string;
          hint?: string;
        },
    )
    .filter(({ level }) => level >= 40);

const pendingCats = async (store: string) =>
  (await relearnJson<StatusReport>('status', '--store', store)).pending.cat ?? 0;

const obstacle = whyNoRadosgw();
if (obstacle) console.log(`skipped: radosgw that hangs, because ${obstacle}`);

describe.skipIf(obstacle !== undefined)('radosgw', () => {
  let service: Radosgw;
  let store: string;
  beforeAll(async () => {
    service = await startRadosgw();
    useEnvironment(service.env);
    store = `s3://hanging?endpoint=${service.endpoint}&region=us-east-1`;
    await fill(store);
  });
  afterAll(async () => {
    await endAll();
    await service?.stop();
  });

  it('that is stopped keeps nobody waiting for long, and loses nothing', async () => {
    const server = await serve(store, '--functions', 'predict,feedback,studio');
    const predictor = await serve(store, '--functions', 'predict');
    expect((await predict(server, 1)).status).toBe(200);
    expect((await predict(predictor, 1)).status).toBe(200);
    expect((await ask(server, '/callback', await feedbackOf(99))).status).toBe(200);
    expect((await ask(server, '/readyz')).status).toBe(200);

    await service.signal('SIGSTOP');
    const many = await Promise.all(Array.from({ length: 20 }, (_, i) => feedbackOf(100 + i)));
    const [refused, models] = await Promise.all([
      Promise.all(many.map((body) => ask(server, '/callback', body))),
      ask(server, '/api/models'),
      expectPredictions(server, 40),
      expectPredictions(predictor, 40),
    ]);
    for (const answer of [...refused, models]) expectRefused(answer);
    await readyWithin(server, 503, 25);
    expect((await ask(server, '/healthz')).status).toBe(200);
    expect((await ask(predictor, '/readyz')).status).toBe(200);
    const said = warnings(server);
    expect(said.filter(({ msg }) => msg.startsWith('The store can not be read;'))).toHaveLength(1);
    expect(said.some(({ code, hint }) => code === 'storage_unavailable' && hint)).toBe(true);

    await service.signal('SIGCONT');
    await readyWithin(server, 200, 15);
    for (const body of many) {
      const { status, body: receipt } = await ask(server, '/callback', body);
      // What was refused may have landed meanwhile; it is the same item then.
      expect(status).toBe(200);
      expect(['accepted', 'duplicate']).toContain(receipt.status);
    }
    expect(await pendingCats(store)).toBe(21);
    expect(await relearnJson('fsck', '--store', store)).toMatchObject({ ok: true, problems: [] });
  });

  it('that is stopped during a training costs it time and no version', async () => {
    const training = start('train', ...briefly, '--store', store, '--json');
    await until('the training process', () => findTrainingChild(training.child.pid as number));
    await service.signal('SIGSTOP');
    await sleep(20_000);
    await service.signal('SIGCONT');
    const { code, stdout, stderr } = await training.ended;
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    const { version } = JSON.parse(stdout) as { version: number };
    const { versions } = await relearnJson<ModelsReport>('models', '--store', store);
    expect(versions.map((one) => one.version)).toEqual([1, version]);
    expect(await relearnJson('fsck', '--store', store)).toMatchObject({ ok: true, problems: [] });
  });

  it('that takes a key away is told by name, and a new key in the file counts at once', async () => {
    const file = join(folder.path, 'credentials');
    const write = (id: string, secret: string) =>
      writeFile(file, `[default]\naws_access_key_id = ${id}\naws_secret_access_key = ${secret}\n`);
    const key = (verb: 'create' | 'rm', id: string) =>
      service.admin(
        ...['key', verb, '--uid', 'relearn', '--key-type', 's3', '--access-key', id],
        ...(verb === 'create' ? ['--secret-key', 'secret'] : []),
      );
    await key('create', 'first');
    await write('first', 'secret');
    useEnvironment({
      AWS_SHARED_CREDENTIALS_FILE: file,
      AWS_CONFIG_FILE: join(folder.path, 'none'),
      AWS_EC2_METADATA_DISABLED: 'true',
    });
    const server = await serve(store, '--functions', 'predict,feedback');
    expect((await predict(server, 1)).status).toBe(200);
    expect((await ask(server, '/callback', await feedbackOf(201))).status).toBe(200);

    await key('rm', 'first');
    const body = await feedbackOf(202);
    const refused = await until('the key to be refused', async () => {
      const answer = await ask(server, '/callback', body);
      return answer.status === 200 ? undefined : answer;
    });
    expectRefused(refused);
    const told = await until('the reason in the log', async () =>
      warnings(server).find(({ reason }) => reason?.includes('InvalidAccessKeyId')),
    );
    expect(told.hint).toContain('Check the key id');
    await readyWithin(server, 503, 25);
    await expectPredictions(server, 3);

    await key('create', 'second');
    await write('second', 'secret');
    expect((await ask(server, '/callback', body)).status).toBe(200);
    await readyWithin(server, 200, 15);
    useEnvironment(service.env);
  });
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
    await fill(store);
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
