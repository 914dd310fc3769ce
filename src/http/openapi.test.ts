/**
 * Every answer is what `/openapi.json` says of it: each row is one request, and its status, media type
 * and body are held against the document that the same server hands out.
 */
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestStore, openTestRelearn } from '../../test/loop-store.ts';
import { darkJpeg, dataUrlOf } from '../../test/pictures.ts';
import { systemClock } from '../base/clock.ts';
import { RelearnError } from '../base/errors.ts';
import type { Relearn } from '../loop/relearn-api.ts';
import { functionNames } from './app-context.ts';
import { buildApp } from './build-app.ts';
import { parseKeys } from './keys.ts';

interface Media {
  readonly schema: object;
}
interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, Media>> }>
  >;
}
type Document = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
};

const page = new Map([
  ['/', { bytes: Buffer.from('<!doctype html>'), type: 'text/html', immutable: false }],
]);
const build = (relearn: Relearn, key?: string) =>
  buildApp(relearn, {
    functions: functionNames,
    clock: systemClock,
    logger: pino({ level: 'silent' }),
    newRequestId: () => 'fresh',
    page,
    ...(key ? { access: { keys: parseKeys(key), isLocal: false } } : {}),
  });

const apps: FastifyInstance[] = [];
let relearn: Relearn;
let document: Document;
let predictionId: string;
const servers: Record<string, FastifyInstance> = {};

beforeAll(async () => {
  const place = await createTestStore();
  relearn = await openTestRelearn(place, { keepPredictions: true });
  servers.empty = build(await openTestRelearn(await createTestStore()));
  servers.guarded = build(relearn, 'reader:k1:predict');
  const away = async () => {
    throw new RelearnError('unavailable', 'storage_unavailable', 'for the test');
  };
  servers.away = build({
    ...relearn,
    predict: away,
    collectFeedback: away,
    considerTraining: away,
    status: away,
    runs: away,
    recentFeedback: away,
    storeReadiness: async () => ({ ready: false, reason: 'away' }),
  });
  await relearn.train();
  await place.store.put('quarantine/x', darkJpeg);
  servers.usual = build(relearn);
  apps.push(...Object.values(servers));
  ({ predictionId } = await relearn.predict(darkJpeg));
  document = (await servers.usual.inject('/openapi.json')).json();
});
afterAll(async () => {
  for (const app of apps) await app.close();
  await relearn.close();
});

const json = (payload: unknown): InjectOptions => ({
  payload: JSON.stringify(payload),
  headers: { 'content-type': 'application/json' },
});
const jpeg = { payload: Buffer.from(darkJpeg), headers: { 'content-type': 'image/jpeg' } };
const picture = dataUrlOf(darkJpeg);
const key = { authorization: 'Bearer k1' };

type Row = readonly [
  server: 'usual' | 'empty' | 'guarded' | 'away',
  /** Method and path, as the document writes them. */
  operation: string,
  status: number,
  request: InjectOptions | (() => InjectOptions),
];
/** A path with its parameters filled in. */
const at = (url: string): InjectOptions => ({ url });

const rows: readonly Row[] = [
  ['usual', 'get /healthz', 200, {}],
  ['usual', 'get /readyz', 200, {}],
  ['empty', 'get /readyz', 503, {}],
  ['away', 'get /readyz', 503, {}],
  ['usual', 'get /metrics', 200, {}],
  ['guarded', 'get /metrics', 401, {}],
  ['guarded', 'get /metrics', 403, { headers: key }],
  ['usual', 'get /openapi.json', 200, {}],
  ['usual', 'get /', 200, {}],
  ['usual', 'post /predict', 200, jpeg],
  ['usual', 'post /predict', 200, json({ pictures: [picture, 'nonsense'] })],
  ['usual', 'post /predict', 400, { headers: { 'content-type': 'image/jpeg' } }],
  ['usual', 'post /predict', 413, json({ pictures: Array(65).fill(picture) })],
  ['usual', 'post /predict', 415, { ...jpeg, payload: 'text' }],
  ['usual', 'post /predict', 422, json({ picture: 'nonsense' })],
  ['usual', 'post /predict', 422, json({ photo: picture })],
  ['empty', 'post /predict', 503, jpeg],
  ['away', 'post /predict', 503, jpeg],
  ['guarded', 'post /predict', 200, { ...jpeg, headers: { ...jpeg.headers, ...key } }],
  ['usual', 'post /callback', 200, json({ picture, target: 'cat' })],
  ['usual', 'post /callback', 200, json({ picture, target: 'cat' })],
  ['usual', 'post /callback', 200, () => json({ predictionId, verdict: 'unsure' })],
  ['usual', 'post /callback', 400, () => json({ predictionId, target: 'cat', verdict: 'unsure' })],
  ['usual', 'post /callback', 404, json({ predictionId: 'x', target: 'cat' })],
  ['empty', 'post /callback', 410, () => json({ predictionId, target: 'cat' })],
  ['usual', 'post /callback', 422, json({ picture, target: 'bird' })],
  ['away', 'post /callback', 503, json({ picture, target: 'cat' })],
  ['usual', 'post /invoke', 200, {}],
  ['usual', 'post /invoke', 200, json({ hello: 1 })],
  ['usual', 'post /invoke', 400, { ...json(''), payload: '{' }],
  ['away', 'post /invoke', 503, {}],
  ['usual', 'post /events', 200, {}],
  ['usual', 'post /', 200, {}],
  ['usual', 'get /api/status', 200, {}],
  ['usual', 'get /api/models', 200, {}],
  ['usual', 'get /api/runs', 200, {}],
  ['usual', 'get /api/feedback', 200, {}],
  ['empty', 'get /api/status', 200, {}],
  ['empty', 'get /api/models', 200, {}],
  ['away', 'get /api/status', 503, {}],
  ['away', 'get /api/runs', 503, {}],
  ['away', 'get /api/feedback', 503, {}],
  ['usual', 'post /api/models/{version}/promote', 200, at('/api/models/1/promote')],
  ['usual', 'post /api/models/{version}/promote', 404, at('/api/models/77/promote')],
  ['usual', 'post /api/models/{version}/promote', 422, at('/api/models/x/promote')],
  ['usual', 'post /api/rollback', 409, {}],
  ['usual', 'post /api/rollback', 409, json({ to: 77 })],
  ['usual', 'post /api/rollback', 422, json({ to: 'x' })],
];

describe('an answer is what /openapi.json says', () => {
  it.each(rows)('%s: %s %i', async (server, operation, status, request) => {
    const [method = '', path = ''] = operation.split(' ');
    const sent = typeof request === 'function' ? request() : request;
    const answer = await servers[server]?.inject({
      method: method.toUpperCase() as 'GET',
      url: path,
      ...sent,
    });
    expect(answer?.statusCode, answer?.body).toBe(status);
    const responses = document.paths[path]?.[method]?.responses;
    const [type = ''] = String(answer?.headers['content-type']).split(';');
    const media = (responses?.[status] ?? responses?.default)?.content[type];
    expect(media, `${type} is not described`).toBeDefined();
    if (!type.endsWith('json')) return;
    const ajv = new Ajv2020({ strict: false });
    const { schemas } = document.components;
    const matches = ajv.compile({ ...media?.schema, components: { schemas } });
    expect(matches(answer?.json()), ajv.errorsText(matches.errors)).toBe(true);
  });

  it('and no operation is left out', () => {
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    const asked = new Set(rows.map(([, operation]) => operation));
    expect(described.filter((operation) => !asked.has(operation))).toEqual([]);
  });
});
