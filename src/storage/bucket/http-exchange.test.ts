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

it.each<[string, RequestListener]>([
  ['never answers', () => {}],
  ['stops in the middle', (_, response) => void response.writeHead(200).write('half')],
  [
    'cuts its answer off',
    (_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => response.destroy());
    },
  ],
  ['hangs up', (request) => void request.socket.destroy()],
])('brings no answer from a server that %s', async (_, listener) => {
  const origin = await serve(listener);
  await expect(createExchange(50)({ ...call, origin })).rejects.toMatchObject({ name: 'NoAnswer' });
});

it('waits for what comes slowly', async () => {
  const origin = await serve(async (_, response) => {
    response.writeHead(200);
    for (let part = 0; part < 8; part++) {
      response.write('x');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    response.end();
  });
  const { body } = await createExchange(200)({ ...call, origin });
  expect(body.length).toBe(8);
});
