/** What the routes answer when all is well, and who may call them. */
import { Validator } from '@seriousme/openapi-schema-validator';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { createInMemoryRelearn, type InMemoryOptions } from '../../test/in-memory-relearn.ts';
import { createTestStore, openTestRelearn } from '../../test/loop-store.ts';
import { brightJpeg, darkJpeg, darkPng, dataUrlOf, shade } from '../../test/pictures.ts';
import { systemClock } from '../base/clock.ts';
import { RelearnError } from '../base/errors.ts';
import { encodeJpeg } from '../data/decode-image.ts';
import type { Relearn } from '../loop/relearn-api.ts';
import { type AppOptions, type FunctionName, functionNames } from './app-context.ts';
import { buildApp } from './build-app.ts';
import { parseKeys, type Scope } from './keys.ts';
import * as schemas from './schemas.ts';

const options = (more: Partial<AppOptions> = {}): AppOptions => ({
  functions: functionNames,
  clock: systemClock,
  logger: pino({ level: 'silent' }),
  newRequestId: () => 'fresh',
  ...more,
});
const setUp = (more: Partial<InMemoryOptions> = {}, app: Partial<AppOptions> = {}) => {
  const relearn = createInMemoryRelearn({ clock: systemClock, ...more });
  return { relearn, app: buildApp(relearn, options(app)) };
};
const post = (url: string, payload: string | Buffer, type: string, headers = {}) =>
  ({ method: 'POST', url, payload, headers: { 'content-type': type, ...headers } }) as const;
const multipart = (fields: Record<string, string>, picture: Uint8Array) => {
  const parts = Object.entries(fields).map(
    ([name, value]) => `--e\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const file = '--e\r\nContent-Disposition: form-data; name="picture"; filename="x"\r\n\r\n';
  const body = Buffer.concat([
    Buffer.from(parts.join('') + file),
    picture,
    Buffer.from('\r\n--e--'),
  ]);
  return [body, 'multipart/form-data; boundary=e'] as const;
};

describe('POST /predict', () => {
  const { app } = setUp();
  const url = dataUrlOf(darkJpeg, 'image/jpg');

  it.each([
    ['the text of a data URL', post('/predict', url, 'text/plain')],
    ['the text with a line end', post('/predict', `${url}\n`, 'text/plain;charset=UTF-8')],
    ['raw JPEG', post('/predict', Buffer.from(darkJpeg), 'image/jpeg')],
    ['raw PNG', post('/predict', Buffer.from(darkPng), 'image/png')],
    ['octets', post('/predict', Buffer.from(darkPng), 'application/octet-stream')],
    ['JSON', post('/predict', JSON.stringify({ picture: url }), 'application/json')],
    ['multipart', post('/predict', ...multipart({}, darkJpeg))],
  ])('takes %s', async (_name, request) => {
    const answer = await app.inject(request);
    expect(answer.statusCode).toBe(200);
    const body = schemas.check(schemas.prediction, answer.json());
    expect(body).toMatchObject({ label: 'cat', version: 1 });
    expect(Object.keys(body.result)).toEqual(['cat', 'dog']);
    expect((body.result.cat ?? 0) + (body.result.dog ?? 0)).toBeCloseTo(1);
  });

  it('answers a batch in order', async () => {
    const pictures = [url, dataUrlOf(brightJpeg)];
    const answer = await app.inject(
      post('/predict', JSON.stringify({ pictures }), 'application/json'),
    );
    const { results } = schemas.check(schemas.predictions, answer.json());
    expect(results).toMatchObject([{ label: 'cat' }, { label: 'dog' }]);
  });

  it('says when there is no model, for one and for a batch', async () => {
    const { app: empty } = setUp({ hasModel: false });
    const batch = JSON.stringify({ pictures: [url] });
    for (const request of [
      post('/predict', url, 'text/plain'),
      post('/predict', batch, 'application/json'),
    ]) {
      const answer = await empty.inject(request);
      expect([answer.statusCode, answer.json().code]).toEqual([503, 'model_not_ready']);
      expect(answer.headers['retry-after']).toBe('5');
    }
  });
});

describe('POST /callback', () => {
  it('takes the bodies of the article and answers its field', async () => {
    const { app, relearn } = setUp();
    const body = JSON.stringify({ picture: dataUrlOf(darkJpeg, 'image/jpg'), target: 'cats' });
    const first = await app.inject(post('/callback', body, 'text/plain'));
    expect(first.json()).toMatchObject({ result: true, status: 'accepted' });
    const second = await app.inject(post('/callback', body, 'application/json'));
    expect(second.json()).toMatchObject({ result: true, status: 'duplicate', id: first.json().id });
    const form = await app.inject(post('/callback', ...multipart({ target: 'dog' }, brightJpeg)));
    expect(schemas.check(schemas.feedbackReceipt, form.json()).status).toBe('accepted');
    expect((await relearn.status()).pending).toEqual({ cat: 1, dog: 1 });
    expect((await relearn.recentFeedback(1))[0]).toMatchObject({ label: 'dog', source: 'local' });
  });

  it('takes a verdict on a kept prediction', async () => {
    const { app, relearn } = setUp({ keepPredictions: true });
    const { predictionId } = (
      await app.inject(post('/predict', Buffer.from(darkJpeg), 'image/jpeg'))
    ).json();
    const body = JSON.stringify({ predictionId, verdict: 'right' });
    const answer = await app.inject(post('/callback', body, 'application/json'));
    expect(answer.json()).toMatchObject({ result: true, status: 'accepted' });
    expect((await relearn.status()).pending).toEqual({ cat: 1, dog: 0 });
  });

  it('refuses a target that contradicts the verdict beside it, and names both', async () => {
    const relearn = await openTestRelearn(await createTestStore(), { keepPredictions: true });
    await relearn.train();
    const { predictionId, label } = await relearn.predict(darkJpeg);
    const app = buildApp(relearn, options());
    const say = async (target: string, verdict: string) => {
      const body = JSON.stringify({ predictionId, target, verdict });
      return app.inject(post('/callback', body, 'application/json'));
    };
    const other = label === 'cat' ? 'dog' : 'cat';
    const refused = await say(other, 'right');
    expect([refused.statusCode, refused.json().code]).toEqual([400, 'contradicting_feedback']);
    expect(refused.json().title).toMatch(/target.+verdict/);
    expect((await say(`${label}s`, 'right')).json()).toMatchObject({ status: 'accepted' });
    await app.close();
    await relearn.close();
  });

  it('hints at a training for what is new only', async () => {
    let hints = 0;
    const trigger = { hint: () => void hints++, stop: async () => {} };
    const { app } = setUp({}, { trigger });
    const body = JSON.stringify({ picture: dataUrlOf(darkJpeg), target: 'cat' });
    for (const _ of [1, 2]) await app.inject(post('/callback', body, 'application/json'));
    expect(hints).toBe(1);
  });
});

describe('POST /invoke, / and /events', () => {
  it.each(['/invoke', '/', '/events'])(
    '%s trains when it is time, and never for what is no event',
    async (url) => {
      const { app, relearn } = setUp({ threshold: 1 });
      for (const body of ['{"hello":1}', 'hello', '[]', '7'])
        expect((await app.inject(post(url, body, 'application/octet-stream'))).json()).toEqual({
          result: { trained: false, reason: 'not-our-event' },
        });
      const event = post(url, '{"triggerName":"sweep"}', 'application/octet-stream');
      const before = await app.inject(event);
      expect(before.json()).toEqual({ result: { trained: false, reason: 'below-threshold' } });
      await relearn.collectFeedback({ picture: darkJpeg, target: 'cat', source: 'test' });
      await relearn.collectFeedback({ picture: brightJpeg, target: 'dog', source: 'test' });
      const after = await app.inject({ method: 'POST', url });
      expect(schemas.check(schemas.invokeReport, after.json()).result).toMatchObject({
        trained: true,
        version: 2,
        gate: { verdict: 'promote' },
      });
    },
  );
});

describe('health and operations', () => {
  it('is alive without a model but not ready', async () => {
    const { app } = setUp({ hasModel: false });
    expect((await app.inject('/healthz')).json()).toEqual({ ok: true });
    const answer = await app.inject('/readyz');
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({
      code: 'model_not_ready',
      reason: 'no version was trained yet',
    });
  });

  it('needs no model where nothing predicts, and is not ready while it stops', async () => {
    const feedbackOnly = setUp({ hasModel: false }, { functions: ['feedback'] });
    expect((await feedbackOnly.app.inject('/readyz')).statusCode).toBe(200);
    const stopping = setUp({}, { isStopping: () => true });
    expect((await stopping.app.inject('/readyz')).json().code).toBe('shutting_down');
  });

  const hangs = () => new Promise<never>(() => {});
  const away = async () => ({ ready: false, reason: 'The store can not be written.' });
  const noModel = async () => ({ ready: false, reason: 'no version was trained yet' });
  const cases: readonly [FunctionName, keyof Relearn, () => Promise<unknown>, number, string?][] = [
    ['predict', 'storeReadiness', away, 200],
    ['predict', 'storeReadiness', hangs, 200],
    ['predict', 'readiness', noModel, 503, 'model_not_ready'],
    ['predict', 'readiness', hangs, 503, 'model_not_ready'],
    ['feedback', 'readiness', noModel, 200],
    ['feedback', 'storeReadiness', away, 503, 'storage_unavailable'],
    ['feedback', 'storeReadiness', hangs, 503, 'storage_unavailable'],
    ['train', 'storeReadiness', away, 503, 'storage_unavailable'],
    ['train', 'readiness', noModel, 200],
    ['studio', 'storeReadiness', away, 200],
  ];
  it.each(cases)(
    '%s alone, where %s says no or nothing',
    async (name, check, says, status, code) => {
      const clock = {
        ...systemClock,
        sleep: (_: number, signal?: AbortSignal) => systemClock.sleep(20, signal),
      };
      const { app, relearn } = setUp({}, { functions: [name], clock });
      Object.assign(relearn, { [check]: says });
      const answer = await app.inject('/readyz');
      expect(answer.statusCode).toBe(status);
      if (status === 200) return;
      expect(answer.json()).toMatchObject({ code, reason: expect.any(String) });
      expect(answer.headers['retry-after']).toBe('5');
      expect((await app.inject('/healthz')).statusCode).toBe(200);
    },
  );

  it.each([
    ['storage_read_only', 'storage_read_only'],
    ['storage_denied', 'storage_unavailable'],
    // Its own status, 507, is for who sends something; a host asks for 503.
    ['storage_full', 'storage_unavailable'],
  ])('a store with %s answers 503 %s', async (code, answered) => {
    const { app, relearn } = setUp({}, { functions: ['feedback'] });
    const reason = `The store can not be read and written: ${code}.`;
    Object.assign(relearn, { storeReadiness: async () => ({ ready: false, reason, code }) });
    const answer = await app.inject('/readyz');
    expect([answer.statusCode, answer.json().code]).toEqual([503, answered]);
    expect(answer.json().reason).toBe(reason);
  });

  it('is not ready where the store can not be opened, and gives no path away', async () => {
    const { app, relearn } = setUp({}, { functions: ['feedback'] });
    const message = 'no credentials for /secret/place';
    const failing = () =>
      Promise.reject(new RelearnError('unavailable', 'storage_denied', message));
    Object.assign(relearn, { storeReadiness: failing });
    const answer = await app.inject('/readyz');
    expect(answer.statusCode).toBe(503);
    expect(answer.json().reason).toBe('The store can not be opened: storage_denied.');
  });

  it('counts what it does', async () => {
    const { app } = setUp();
    await app.inject(post('/predict', Buffer.from(darkJpeg), 'image/jpeg'));
    await app.inject(post('/predict', 'x', 'text/plain'));
    await app.inject(post('/predict', Buffer.from('x'), 'image/jpeg'));
    const body = JSON.stringify({ picture: dataUrlOf(darkJpeg), target: 'cat' });
    await app.inject(post('/callback', body, 'application/json'));
    await app.inject({ method: 'POST', url: '/invoke' });
    const answer = await app.inject('/metrics');
    expect(answer.headers['content-type']).toContain('text/plain');
    for (const line of [
      'relearn_predictions_total{version="1"} 1',
      'relearn_prediction_errors_total{code="unsupported_image"} 1',
      'relearn_problems_total{code="unsupported_image"} 1',
      'relearn_problems_total{code="bad_data_url"} 1',
      'relearn_predict_batch_pictures_sum 2',
      'relearn_feedback_total{outcome="accepted"} 1',
      'relearn_training_considerations_total{outcome="below-threshold"} 1',
      'relearn_http_request_seconds_count{route="/predict",method="POST",status="422"} 1',
    ])
      expect(answer.body).toContain(line);
  });

  it.each([
    ['its body is too large', { 'content-length': String(17 * 2 ** 20) }, 413],
    ['its host is not ours', { host: 'elsewhere.example' }, 421],
    ['all is well', {}, 200],
  ])('logs how long a call took where %s', async (_, headers, status) => {
    const lines: string[] = [];
    let time = 0;
    const { app } = setUp(
      {},
      {
        logger: pino({}, { write: (line) => void lines.push(line) }),
        // Each look at the clock is later than the one before.
        clock: { ...systemClock, monotonic: () => ++time },
        access: { hosts: ['localhost'] },
      },
    );
    await app.inject({ url: '/healthz', headers: { host: 'localhost', ...headers } });
    const line = lines.map((text) => JSON.parse(text)).find(({ msg }) => msg === 'answered');
    expect(line).toMatchObject({ status });
    expect(line.seconds).toBeGreaterThan(0);
  });

  it('keeps a caller’s request id when it is plain', async () => {
    const { app } = setUp();
    const idOf = async (sent: string) =>
      (await app.inject({ url: '/healthz', headers: { 'x-request-id': sent } })).headers[
        'x-request-id'
      ];
    expect(await idOf('abc-1.2:3')).toBe('abc-1.2:3');
    expect(await idOf('a b')).toBe('fresh');
    expect(await idOf('x'.repeat(200))).toBe('fresh');
  });

  it('shows nothing of an unexpected failure', async () => {
    const { relearn } = setUp();
    const broken: Relearn = {
      ...relearn,
      predict: () => Promise.reject(new Error('/home/secret/model.onnx: libonnx exploded')),
      collectFeedback: () =>
        Promise.reject(new RelearnError('unavailable', 'storage_full', '/var/x is full')),
    };
    const app = buildApp(broken, options());
    const answer = await app.inject(post('/predict', Buffer.from(darkJpeg), 'image/jpeg'));
    expect([answer.statusCode, answer.json()]).toEqual([
      500,
      {
        type: 'urn:relearn:problem:internal',
        title: 'The server failed.',
        status: 500,
        code: 'internal',
        hint: expect.stringContaining('requestId'),
        requestId: 'fresh',
      },
    ]);
    const body = JSON.stringify({ picture: dataUrlOf(darkJpeg), target: 'cat' });
    const full = await app.inject(post('/callback', body, 'application/json'));
    expect([full.statusCode, full.json().code]).toEqual([507, 'storage_full']);
    expect(full.body).not.toContain('/var');
  });
});

describe('which routes there are', () => {
  it('mounts only the functions it is given', async () => {
    const { app } = setUp({}, { functions: ['predict'] });
    for (const url of ['/callback', '/invoke', '/', '/events', '/api/rollback'])
      expect((await app.inject({ method: 'POST', url })).statusCode).toBe(404);
    expect((await app.inject('/')).statusCode).toBe(404);
    expect((await app.inject('/healthz')).statusCode).toBe(200);
  });

  it('describes every route in OpenAPI 3.1', async () => {
    const { app } = setUp();
    const document = (await app.inject('/openapi.json')).json();
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths).sort()).toEqual([
      '/',
      '/api/feedback',
      '/api/models',
      '/api/models/{version}/promote',
      '/api/rollback',
      '/api/runs',
      '/api/status',
      '/callback',
      '/events',
      '/healthz',
      '/invoke',
      '/metrics',
      '/openapi.json',
      '/predict',
      '/readyz',
    ]);
    expect(Object.keys(document.paths['/predict'].post.requestBody.content)).toContain(
      'text/plain',
    );
    expect(JSON.stringify(document)).not.toContain('"$schema"');
    const ids = Object.values(document.paths).flatMap((path) =>
      Object.values(path as Record<string, { operationId: string }>).map((one) => one.operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('the page', () => {
  const script = { bytes: Buffer.from('1'), type: 'text/javascript', immutable: true };
  const document = { bytes: Buffer.from('<!doctype html>'), type: 'text/html', immutable: false };
  const page = new Map([
    ['/', document],
    ['/assets/index-abc.js', script],
  ]);

  it('hands out no picture that was sent: none could be opened as something else', async () => {
    const { app } = setUp({}, { page });
    const { paths } = (await app.inject('/openapi.json')).json();
    const answers = Object.entries(paths as Record<string, Record<string, { responses: object }>>)
      .filter(([path]) => !page.has(path))
      .flatMap(([, methods]) => Object.values(methods))
      .flatMap(({ responses }) => Object.values(responses as Record<string, { content?: object }>))
      .flatMap(({ content }) => Object.keys(content ?? {}));
    expect(answers).toContain('application/json');
    expect(
      answers.filter((type) => /^(?:image|application\/octet-stream|text\/html)/.test(type)),
    ).toEqual([]);
  });

  it('gets a label that looks like a script as JSON, which no browser takes for anything else', async () => {
    const { app } = setUp({ labels: ['<script>alert(1)</script>', 'dog'] }, { page });
    const answer = await app.inject('/api/status');
    expect(answer.json().labels).toEqual(['<script>alert(1)</script>', 'dog']);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(answer.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
    });
  });

  it('comes with a policy without inline code', async () => {
    const { app } = setUp({}, { page });
    const answer = await app.inject('/');
    expect(answer.body).toBe('<!doctype html>');
    const policy = String(answer.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    expect(answer.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-cache',
    });
    const asset = await app.inject('/assets/index-abc.js');
    expect(asset.headers['cache-control']).toContain('immutable');
  });

  it('says that it was not built', async () => {
    const { app } = setUp();
    expect((await app.inject('/')).json().code).toBe('page_not_built');
  });

  it('gets what it shows', async () => {
    const { app, relearn } = setUp({ threshold: 1 });
    await relearn.collectFeedback({ picture: darkJpeg, target: 'cat', source: 'test' });
    await relearn.collectFeedback({ picture: brightJpeg, target: 'dog', source: 'test' });
    await app.inject({ method: 'POST', url: '/invoke' });
    const get = async (url: string) => (await app.inject(url)).json();
    expect(schemas.check(schemas.statusReport, await get('/api/status'))).toMatchObject({
      labels: ['cat', 'dog'],
      champion: 2,
      pending: { cat: 0, dog: 0 },
    });
    expect(schemas.check(schemas.modelsReport, await get('/api/models')).versions).toHaveLength(2);
    expect(schemas.check(schemas.runsReport, await get('/api/runs')).runs).toHaveLength(2);
    expect(schemas.check(schemas.feedbackList, await get('/api/feedback')).items).toHaveLength(2);
    const promoted = await app.inject({ method: 'POST', url: '/api/models/1/promote' });
    expect(promoted.json().champion).toBe(1);
    const back = await app.inject({ method: 'POST', url: '/api/rollback' });
    expect(back.json().champion).toBe(2);
  });

  it('rolls back as far as the body says, and no further when it is told again', async () => {
    const { app, relearn } = setUp();
    const order: (number | undefined)[] = [];
    relearn.models.rollback = async (to) => {
      order.push(to);
      return { champion: to ?? null, versions: [] };
    };
    const ask = (payload: string | undefined, type = 'application/json') =>
      app.inject({
        method: 'POST',
        url: '/api/rollback',
        ...(payload === undefined ? {} : { payload, headers: { 'content-type': type } }),
      });
    for (const payload of [undefined, '{}', '{"to":1}'])
      expect((await ask(payload)).statusCode).toBe(200);
    expect(order).toEqual([undefined, undefined, 1]);
    for (const [payload, status, code] of [
      ['{"to":0}', 422, 'invalid_field'],
      ['{"to":"1"}', 422, 'invalid_field'],
      ['{"two":1}', 422, 'unknown_field'],
      ['{', 400, 'invalid_json'],
    ] as const) {
      const answer = await ask(payload);
      expect([answer.statusCode, answer.json().code]).toEqual([status, code]);
    }
    expect((await ask('to=1', 'application/x-www-form-urlencoded')).json()).toMatchObject({
      code: 'unsupported_media_type',
    });
    expect(order).toHaveLength(3);
    const document = (await app.inject('/openapi.json')).json();
    const { requestBody } = document.paths['/api/rollback'].post;
    expect(requestBody.required).toBe(false);
    expect(Object.keys(requestBody.content['application/json'].schema.properties)).toEqual(['to']);
  });

  it('says how curl names the type of a picture', async () => {
    const { app } = setUp();
    const answer = await app.inject(post('/predict', 'bytes', 'application/x-www-form-urlencoded'));
    expect(answer.statusCode).toBe(415);
    expect(answer.json().hint).toContain("-H 'Content-Type: image/jpeg'");
    expect(answer.json().hint).toContain('-F picture=@');
  });
});

describe('keys', () => {
  const keys = parseKeys('phone:p1:predict+feedback,cron:t1:train,boss:a1:admin');
  const access = { keys, anonymous: new Set<Scope>() };
  const { app, relearn } = setUp({}, { access });
  const ask = async (url: string, authorization?: string) => {
    const method = url.startsWith('/api') ? 'GET' : 'POST';
    const answer = await app.inject({
      method,
      url,
      headers: { 'content-type': 'text/plain', ...(authorization ? { authorization } : {}) },
      payload: method === 'POST' ? 'x' : undefined,
    } as InjectOptions);
    return [answer.statusCode, answer.json().code];
  };

  it.each([
    ['/predict', undefined, 401, 'missing_key'],
    ['/predict', 'Bearer wrong', 401, 'bad_key'],
    ['/predict', 'Basic cDE6', 401, 'bad_key'],
    ['/predict', 'Bearer t1', 403, 'insufficient_scope'],
    ['/predict', 'Bearer p1', 422, 'bad_data_url'],
    ['/callback', 'Bearer p1', 400, 'invalid_json'],
    ['/invoke', 'Bearer p1', 403, 'insufficient_scope'],
    ['/invoke', 'Bearer t1', 200, undefined],
    ['/api/status', 'Bearer p1', 403, 'insufficient_scope'],
    ['/api/status', undefined, 401, 'missing_key'],
    ['/api/status', 'Bearer a1', 200, undefined],
  ])('%s with %s: %i %s', async (url, authorization, status, code) => {
    expect(await ask(url, authorization)).toEqual([status, code]);
  });

  it('a hint from this machine needs no key, what comes through a proxy or from a page does', async () => {
    const { app: local } = setUp({}, { access: { keys: parseKeys('a:ka:admin'), isLocal: true } });
    const hint = async (url: string, headers: Record<string, string> = {}) => {
      const answer = await local.inject(
        post(url, '', 'text/plain', { host: 'localhost:8080', ...headers }),
      );
      return [answer.statusCode, answer.json().code];
    };
    for (const url of ['/invoke', '/', '/events'])
      expect(await hint(url)).toEqual([200, undefined]);
    expect(await hint('/invoke', { host: 'relearn.example' })).toEqual([401, 'missing_key']);
    expect(await hint('/invoke', { 'x-forwarded-for': '192.0.2.7' })).toEqual([401, 'missing_key']);
    expect(await hint('/invoke', { forwarded: 'for=192.0.2.7' })).toEqual([401, 'missing_key']);
    expect(await hint('/invoke', { authorization: 'Bearer kb' })).toEqual([401, 'bad_key']);
    expect(await hint('/invoke', { origin: 'https://shop.example' })).toEqual([
      403,
      'cross_site_request',
    ]);
    expect(await hint('/predict')).toEqual([401, 'missing_key']);
    expect(await hint('/api/rollback')).toEqual([401, 'missing_key']);
  });

  it('records who sent feedback, never the key', async () => {
    const body = JSON.stringify({ picture: dataUrlOf(await encodeJpeg(shade(99))), target: 'dog' });
    await app.inject(post('/callback', body, 'application/json', { authorization: 'Bearer p1' }));
    expect((await relearn.recentFeedback(1))[0]?.source).toBe('key:phone');
  });

  it('asks before the body is read, and says how', async () => {
    const answer = await app.inject(post('/predict', 'x'.repeat(99), 'application/xml'));
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['www-authenticate']).toContain('Bearer');
  });

  it('opens what is opened on purpose, to other sites too, but not with cookies', async () => {
    const { app: open } = setUp(
      {},
      {
        access: { anonymous: new Set(['predict' as const]), isLocal: false },
      },
    );
    const origin = { origin: 'https://shop.example' };
    const plain = await open.inject(post('/predict', 'x', 'text/plain', origin));
    expect(plain.json().code).toBe('bad_data_url');
    const withCookie = { ...origin, cookie: 'a=1' };
    const cookies = await open.inject(post('/predict', 'x', 'text/plain', withCookie));
    expect(cookies.json().code).toBe('cross_site_request');
    expect((await open.inject(post('/callback', 'x', 'text/plain'))).json().code).toBe(
      'missing_key',
    );
  });
});

describe('the rate limit', () => {
  const keys = parseKeys('a:ka:predict,b:kb:predict');
  const limited = (requestsPerMinute: number, more: Partial<AppOptions> = {}) =>
    setUp({}, { access: { keys, isLocal: false }, limits: { requestsPerMinute }, ...more }).app;
  const ask = (app: FastifyInstance, key: string) =>
    app.inject(
      post('/predict', Buffer.from(darkJpeg), 'image/jpeg', { authorization: `Bearer ${key}` }),
    );

  it('counts each key by itself and says when to come back', async () => {
    const app = limited(2);
    const answers = [];
    for (const key of ['ka', 'ka', 'ka', 'kb']) answers.push(await ask(app, key));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 429, 200]);
    const [, , refused] = answers;
    expect(refused?.json()).toMatchObject({ code: 'rate_limited', status: 429 });
    const seconds = Number(refused?.headers['retry-after']);
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
  });

  it('counts callers without a key by their address, whatever address they claim', async () => {
    const app = limited(1, { access: { anonymous: new Set(['predict']), isLocal: false } });
    let claimed = 0;
    const from = (remoteAddress: string) =>
      app.inject({
        ...post('/predict', Buffer.from(darkJpeg), 'image/jpeg', {
          'x-forwarded-for': `192.0.2.${++claimed}`,
          forwarded: `for=192.0.2.${claimed}`,
        }),
        remoteAddress,
      });
    const statuses = [];
    for (const address of ['10.0.0.1', '10.0.0.1', '10.0.0.2'])
      statuses.push((await from(address)).statusCode);
    expect(statuses).toEqual([200, 429, 200]);
  });

  it('never holds health checks back, nor a machine’s own user', async () => {
    const app = limited(1);
    for (const _ of [1, 2, 3]) expect((await app.inject('/healthz')).statusCode).toBe(200);
    const { app: own } = setUp({}, { limits: { requestsPerMinute: 1 } });
    for (const _ of [1, 2]) expect((await ask(own, 'x')).statusCode).toBe(200);
  });

  it('can be switched off', async () => {
    const app = limited(0);
    for (const _ of [1, 2, 3]) expect((await ask(app, 'ka')).statusCode).toBe(200);
  });
});

describe('GET /openapi.json', () => {
  it('is valid OpenAPI 3.1', async () => {
    const document = (await setUp().app.inject('/openapi.json')).json();
    const result = await new Validator().validate(document);
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
  });
});
