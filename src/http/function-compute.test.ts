/** Function Compute's protocol, over the app: which calls are trusted, and what FC gets to see. */
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { createInMemoryRelearn } from '../../test/in-memory-relearn.ts';
import { systemClock } from '../base/clock.ts';
import { RelearnError } from '../base/errors.ts';
import type { Relearn } from '../loop/relearn-api.ts';
import { type FunctionName, functionNames } from './app-context.ts';
import { buildApp } from './build-app.ts';
import type { CallCredentials } from './function-compute.ts';
import { parseKeys } from './keys.ts';

const setUp = (more: { relearn?: Partial<Relearn>; functions?: readonly FunctionName[] } = {}) => {
  const lines: string[] = [];
  const credentials: CallCredentials[] = [];
  const logged: string[] = [];
  const relearn = { ...createInMemoryRelearn({ clock: systemClock }), ...more.relearn };
  const app = buildApp(relearn, {
    functions: more.functions ?? functionNames,
    clock: systemClock,
    logger: pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) }),
    newRequestId: () => 'fresh',
    access: { keys: parseKeys('ops:t1:train'), isLocal: false },
    functionCompute: {
      writeLine: (line) => void lines.push(line),
      onCredentials: (value) => void credentials.push(value),
    },
  });
  const call = (path: string, headers: Record<string, string>, method: 'GET' | 'POST' = 'POST') =>
    app.inject({ method, url: path, headers: { 'x-fc-request-id': '1-67a5', ...headers } });
  return { app, call, lines, credentials, logged };
};
const event = { 'x-fc-control-path': '/invoke' };

describe('on Function Compute', () => {
  it.each([
    ['an event call', event, 200],
    ['a stranger through the HTTP trigger', { 'x-fc-control-path': '/http-invoke' }, 401],
    ['a call without the header', {}, 401],
    ['a call with an empty header', { 'x-fc-control-path': '' }, 401],
    ['a key', { 'x-fc-control-path': '/http-invoke', authorization: 'Bearer t1' }, 200],
  ])('POST /invoke by %s: %s', async (_who, headers, status) => {
    expect((await setUp().call('/invoke', headers)).statusCode).toBe(status);
  });

  it('an event call opens nothing but the training', async () => {
    const { call } = setUp();
    expect((await call('/api/status', event, 'GET')).statusCode).toBe(401);
    expect((await call('/predict', event)).statusCode).toBe(401);
  });

  it('tells a failure by x-fc-status, and only a failure that trying again may mend', async () => {
    const good = await setUp().call('/invoke', event);
    expect(good.headers['x-fc-status']).toBe('200');
    const considerTraining = () =>
      Promise.reject(new RelearnError('unavailable', 'storage_unavailable', 'down'));
    const failed = await setUp({ relearn: { considerTraining } }).call('/invoke', event);
    expect([failed.statusCode, failed.headers['x-fc-status']]).toEqual([503, '404']);
    const broken = await setUp().app.inject({
      method: 'POST',
      url: '/invoke',
      headers: { ...event, 'content-type': 'application/json' },
      payload: '{',
    });
    expect([broken.statusCode, broken.headers['x-fc-status']]).toEqual([400, '200']);
    expect((await setUp().call('/healthz', {}, 'GET')).headers['x-fc-status']).toBeUndefined();
  });

  it('writes its lines around each call, the last before the answer ends', async () => {
    const { call, lines } = setUp();
    await call('/invoke', event);
    await call('/initialize', { 'x-fc-control-path': '/initialize' });
    await call('/pre-stop', { 'x-fc-control-path': '/pre-stop' }, 'GET');
    expect(lines).toEqual([
      'FC Invoke Start RequestId: 1-67a5\n',
      'FC Invoke End RequestId: 1-67a5\n',
      'FC Initialize Start RequestId: 1-67a5\n',
      'FC Initialize End RequestId: 1-67a5\n',
      'FC PreStop Start RequestId: 1-67a5\n',
      'FC PreStop End RequestId: 1-67a5\n',
    ]);
  });

  it('answers initializer and pre-stop to FC alone', async () => {
    const { call } = setUp();
    const initialize = { 'x-fc-control-path': '/initialize' };
    expect((await call('/initialize', initialize)).json()).toEqual({ ok: true });
    expect((await call('/pre-stop', { 'x-fc-control-path': '/pre-stop' }, 'GET')).statusCode).toBe(
      200,
    );
    expect((await call('/initialize', { 'x-fc-control-path': '/http-invoke' })).statusCode).toBe(
      404,
    );
    expect((await call('/pre-stop', {}, 'GET')).statusCode).toBe(404);
  });

  it('initializes an instance whose store is away: the next call may find it', async () => {
    const readiness = () =>
      Promise.reject(new RelearnError('unavailable', 'storage_unavailable', 'down'));
    const { call } = setUp({ relearn: { readiness } });
    const answer = await call('/initialize', { 'x-fc-control-path': '/initialize' });
    expect(answer.statusCode).toBe(200);
  });

  it('takes the credentials of each call and writes them nowhere', async () => {
    const { call, lines, credentials, logged } = setUp();
    const secrets = {
      'x-fc-access-key-id': 'STS.id',
      'x-fc-access-key-secret': 'very-secret',
      'x-fc-security-token': 'token-1',
    };
    await call('/invoke', { ...event, ...secrets });
    await call('/invoke', { ...event, 'x-fc-access-key-id': '', 'x-fc-access-key-secret': '' });
    expect(credentials).toEqual([
      { accessKeyId: 'STS.id', secretAccessKey: 'very-secret', sessionToken: 'token-1' },
    ]);
    for (const text of [...lines, ...logged]) expect(text).not.toMatch(/STS\.id|secret|token-1/);
  });

  it('keeps FC’s request id', async () => {
    expect((await setUp().call('/invoke', event)).headers['x-request-id']).toBe('1-67a5');
  });
});

describe('elsewhere', () => {
  it('believes none of it', async () => {
    const app = buildApp(createInMemoryRelearn({ clock: systemClock }), {
      functions: functionNames,
      clock: systemClock,
      logger: pino({ level: 'silent' }),
      newRequestId: () => 'fresh',
      access: { keys: parseKeys('ops:t1:train'), isLocal: false },
    });
    const answer = await app.inject({ method: 'POST', url: '/invoke', headers: event });
    expect([answer.statusCode, answer.headers['x-fc-status']]).toEqual([401, undefined]);
    const initialize = { 'x-fc-control-path': '/initialize' };
    const missing = await app.inject({ method: 'POST', url: '/initialize', headers: initialize });
    expect(missing.statusCode).toBe(404);
  });
});
