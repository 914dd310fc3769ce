import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { createExchange } from './http-exchange.ts';

let server: Server | undefined;
afterEach(() => {
  server?.close();
  server?.closeAllConnections();
});

const serve = async (listener: RequestListener): Promise<URL> => {
  const started = createServer(listener);
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  return new URL(`http://127.0.0.1:${(started.address() as AddressInfo).port}`);
};

const call = { method: 'GET', path: '/a?b', headers: {} };

it('brings status, headers and body, and keeps the connection', async () => {
  const ports = new Set<number | undefined>();
  const origin = await serve((request, response) => {
    ports.add(request.socket.remotePort);
    response.writeHead(206, { 'x-one': 'a' }).end(`${request.method} ${request.url}`);
  });
  const exchange = createExchange();
  for (let time = 0; time < 3; time++) {
    const answer = await exchange({ ...call, origin });
    expect(answer).toMatchObject({ status: 206, headers: { 'x-one': 'a' } });
    expect(Buffer.from(answer.body).toString()).toBe('GET /a?b');
  }
  expect(ports.size).toBe(1);
});

/** Short limits, so that the tests are. */
const limits = { connect: 200, quiet: 100, slowest: 10 };
const every = async (milliseconds: number, times: number, act: () => void) => {
  for (let time = 0; time < times; time++) {
    act();
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
  }
};

it.each<[string, RequestListener, string]>([
  ['never answers', () => {}, 'no answer began within 0.1 s'],
  [
    'stops in the middle',
    (_, response) => void response.writeHead(200).write('half'),
    'the answer did not go on within 0.1 s',
  ],
  [
    'lets a byte fall now and then',
    (_, response) => {
      response.writeHead(200);
      void every(20, 50, () => response.write('x'));
    },
    'the answer did not go on within 0.1 s',
  ],
  [
    'cuts its answer off',
    (_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => response.destroy());
    },
    'aborted',
  ],
  ['hangs up', (request) => void request.socket.destroy(), 'socket hang up'],
])('brings no answer from a server that %s', async (_, listener, message) => {
  const origin = await serve(listener);
  const began = performance.now();
  await expect(createExchange(limits)({ ...call, origin })).rejects.toMatchObject({
    name: 'NoAnswer',
    message,
  });
  expect(performance.now() - began).toBeLessThan(5_000);
});

it('gives up where no connection comes about', async () => {
  // An address that no host has: the packets go nowhere, or the system says so at once.
  const origin = new URL('http://192.0.2.1:9');
  await expect(createExchange(limits)({ ...call, origin })).rejects.toMatchObject({
    name: 'NoAnswer',
  });
});

it('gives up an upload of which nothing is taken', async () => {
  const origin = await serve((request) => void request.pause());
  const body = new Uint8Array(64 * 1024 * 1024);
  await expect(createExchange(limits)({ ...call, origin, method: 'PUT', body }))
    .rejects //
    .toMatchObject({ name: 'NoAnswer', message: 'the connection took no bytes within 0.1 s' });
});

it('waits for a large answer that comes slowly, and for a large body that leaves slowly', async () => {
  const origin = await serve(async (request, response) => {
    request.pause();
    await every(100, 12, () => request.read(16));
    request.resume().on('end', async () => {
      response.writeHead(200);
      await every(100, 12, () => response.write('x'.repeat(10)));
      response.end();
    });
  });
  const slowly = { ...call, origin, method: 'PUT', body: new Uint8Array(1_000_000) };
  const { body } = await createExchange({ ...limits, quiet: 1_000 })(slowly);
  expect(body.length).toBe(120);
});

it('reads what came while the process stood still', async () => {
  const origin = await serve((_, response) => void response.end('here'));
  const answered = createExchange(limits)({ ...call, origin });
  await new Promise((resolve) => setTimeout(resolve, 10));
  const until = performance.now() + 300;
  while (performance.now() < until);
  expect(Buffer.from((await answered).body).toString()).toBe('here');
});
