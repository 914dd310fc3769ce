/** The server on a real socket: starting, stopping, and requests that are not quite HTTP. */
import { STATUS_CODES } from 'node:http';
import { connect } from 'node:net';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { createInMemoryRelearn } from '../../test/in-memory-relearn.ts';
import { brightJpeg, darkJpeg, dataUrlOf } from '../../test/pictures.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import type { Relearn } from '../loop/relearn-api.ts';
import { parseKeys, parseScopes } from './keys.ts';
import { type RunningServer, type ServeOptions, serve } from './serve.ts';

const logger = pino({ level: 'silent' });
const servers: RunningServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const start = async (options: Partial<ServeOptions> = {}) => {
  const relearn = createInMemoryRelearn({ clock: systemClock });
  const server = await serve({ relearn, port: 0, logger, ...options });
  servers.push(server);
  return server;
};
const codeOf = async (starting: Promise<unknown>) =>
  starting.then(
    () => 'started',
    (error) => `${error.kind} ${error.code}: ${error.hint}`,
  );

/** What comes back on a connection that sends this text as it stands. */
const exchange = (port: number, text: string | Buffer): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk;
    });
    socket.on('close', () => resolve(received));
    socket.on('error', reject);
  });

/** Resolves when the function is called. */
const happening = (): readonly [Promise<void>, () => void] => {
  let happen = () => {};
  const happened = new Promise<void>((resolve) => {
    happen = resolve;
  });
  return [happened, () => happen()];
};

describe('serve', () => {
  it('warns of keys that can be guessed, by their names', async () => {
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const long = 'y'.repeat(32);
    const keys = parseKeys(`phone:s3cret:predict,ops:${long}:admin`);
    await start({ keys, logger: pino({ level: 'warn' }, { write }) });
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ keys: ['phone'] }]);
    expect(lines.join()).not.toMatch(/s3cret|yyy/);
    lines.length = 0;
    await start({
      keys: parseKeys(`ops:${long}:admin`),
      logger: pino({ level: 'warn' }, { write }),
    });
    expect(lines).toEqual([]);
  });

  it('answers on a free port and closes the store when it stops', async () => {
    let closed = 0;
    const relearn: Relearn = {
      ...createInMemoryRelearn({ clock: systemClock }),
      close: async () => void closed++,
    };
    const stopping = new AbortController();
    const server = await start({ relearn, signal: stopping.signal });
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    expect(await (await fetch(`${server.url}/metrics`)).text()).toContain('process_cpu');
    stopping.abort();
    await server.closed;
    await server.close();
    expect(closed).toBe(1);
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
  });

  it('says that the port is in use', async () => {
    const { port } = await start();
    expect(await codeOf(start({ port }))).toMatch(/^unavailable port_in_use: Choose another port/);
  });

  it('asks for keys before it listens to the network', async () => {
    expect(await codeOf(start({ host: '0.0.0.0' }))).toMatch(
      /^usage keys_required: Set RELEARN_KEYS/,
    );
    const open = await start({ host: '0.0.0.0', anonymous: parseScopes('predict') });
    const answer = await fetch(`${open.url}/api/status`);
    expect(answer.status).toBe(401);
  });

  it('finishes a running request before it stops', async () => {
    const [held, release] = happening();
    const [isAsked, asked] = happening();
    const memory = createInMemoryRelearn({ clock: systemClock });
    const relearn: Relearn = {
      ...memory,
      predict: async (picture) => {
        asked();
        await held;
        return memory.predict(picture);
      },
    };
    const server = await start({ relearn });
    const body = dataUrlOf(darkJpeg);
    const answer = fetch(`${server.url}/predict`, { method: 'POST', body });
    await isAsked;
    const closing = server.close();
    release();
    expect((await answer).status).toBe(200);
    await closing;
  });

  it('ends a training inside a request when it stops', async () => {
    const [isAsked, asked] = happening();
    const memory = createInMemoryRelearn({ clock: systemClock });
    const relearn: Relearn = {
      ...memory,
      considerTraining: ({ signal } = {}) =>
        new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason));
          asked();
        }),
    };
    const server = await start({ relearn });
    const answer = fetch(`${server.url}/invoke`, { method: 'POST' });
    await isAsked;
    await server.close();
    expect((await answer).status).toBe(500);
  });

  it('trains by itself once feedback is enough', async () => {
    const hasty: Clock = { ...systemClock, sleep: (_, signal) => systemClock.sleep(1, signal) };
    let now = 0;
    const clock = { ...hasty, monotonic: () => (now += 1_000) };
    const relearn = createInMemoryRelearn({ clock, threshold: 1 });
    const server = await start({ relearn, clock });
    for (const [picture, target] of [
      [darkJpeg, 'dog'],
      [brightJpeg, 'cat'],
    ] as const) {
      const body = JSON.stringify({ picture: dataUrlOf(picture), target });
      await fetch(`${server.url}/callback`, { method: 'POST', body });
    }
    await expect.poll(async () => (await relearn.status()).champion).toBe(2);
    const body = dataUrlOf(darkJpeg);
    const answer = await fetch(`${server.url}/predict`, { method: 'POST', body });
    expect(await answer.json()).toMatchObject({ label: 'dog', version: 2 });
  });
});

describe('requests that are not quite HTTP', () => {
  const host = 'Host: localhost\r\n';
  it.each([
    [
      '10 long header',
      `GET /healthz HTTP/1.1\r\n${host}X: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'headers_too_large',
    ],
    [
      '10 many headers',
      `GET /healthz HTTP/1.1\r\n${host}${'A: b\r\n'.repeat(1000)}Connection: close\r\n\r\n`,
      431,
      'headers_too_large',
    ],
    [
      '11 two framings',
      `POST /predict HTTP/1.1\r\n${host}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
      'malformed_request',
    ],
    [
      '11 two lengths',
      `POST /predict HTTP/1.1\r\n${host}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc`,
      400,
      'malformed_request',
    ],
    [
      '11 bad chunk',
      `POST /predict HTTP/1.1\r\n${host}Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
      400,
      'malformed_request',
    ],
    ['no host', 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'malformed_request'],
    ['a tunnel', `CONNECT a.example:443 HTTP/1.1\r\n${host}\r\n`, 405, 'method_not_allowed'],
    ['a method that is none', `FOO / HTTP/1.1\r\n${host}\r\n`, 400, 'malformed_request'],
    [
      'an expectation that nobody knows',
      `POST /predict HTTP/1.1\r\n${host}Expect: more\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      400,
      'empty_body',
    ],
    [
      'asks before it sends too much',
      `POST /predict HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Type: text/plain\r\nContent-Length: 99999999\r\nConnection: close\r\n\r\n`,
      413,
      'body_too_large',
    ],
    ['not HTTP', 'hello\r\n\r\n', 400, 'malformed_request'],
    ['70 no host', 'GET /healthz HTTP/1.0\r\n\r\n', 421, 'bad_host'],
    [
      '70 absolute form',
      'GET http://evil.example/healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
      421,
      'bad_host',
    ],
  ])('%s', async (_name, text, status, code) => {
    const { port, url } = await start();
    const answer = await exchange(port, text);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`));
    expect(answer).toContain(`"code":"${code}"`);
    expect(answer.toLowerCase()).toContain('x-request-id: ');
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('tells a client that asks first to go on', async () => {
    const { port } = await start();
    const head = `POST /predict HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Type: image/jpeg\r\nContent-Length: ${darkJpeg.length}\r\nConnection: close\r\n\r\n`;
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(head));
      let received = '';
      socket.on('data', (chunk) => {
        if (received === '') socket.write(darkJpeg);
        received += chunk;
      });
      socket.on('close', () => resolve(received));
      socket.on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK/);
  });

  it('answers HTTP/1.0 and closes', async () => {
    const { port } = await start();
    const answer = await exchange(port, `GET /healthz HTTP/1.0\r\n${host}\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
    expect(answer.toLowerCase()).toContain('connection: close');
  });

  it('counts among the problems what is not HTTP', async () => {
    const { port, url } = await start();
    await exchange(port, 'hello\r\n\r\n');
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('relearn_problems_total{code="malformed_request"} 1');
  });

  it('7: counts a chunked body as it comes', async () => {
    const { url } = await start({ limits: { bodyBytes: 100_000 } });
    const chunk = new Uint8Array(10_000).fill(65);
    let sent = 0;
    const body = new ReadableStream({
      pull: (controller) => (++sent > 50 ? controller.close() : controller.enqueue(chunk)),
    });
    const answer = await fetch(`${url}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body,
      duplex: 'half',
    } as RequestInit);
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([
      413,
      'body_too_large',
    ]);
  });

  /** A model that answers when it is let; counts who asks. */
  const heldModel = () => {
    const memory = createInMemoryRelearn({ clock: systemClock });
    const waiting: (() => void)[] = [];
    let asked = 0;
    const relearn: Relearn = {
      ...memory,
      predict: async (picture, options) => {
        asked += 1;
        await new Promise<void>((resolve) => waiting.push(resolve));
        return memory.predict(picture, options);
      },
    };
    const letAll = () => {
      for (const resolve of waiting.splice(0)) resolve();
    };
    return { relearn, letAll, asked: () => asked };
  };
  const predict = (url: string, signal?: AbortSignal) =>
    fetch(`${url}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'image/jpeg' },
      body: Buffer.from(darkJpeg),
      ...(signal ? { signal } : {}),
    });
  /** Asks again while the server is busy. */
  const untilTaken = async (url: string): Promise<Response> => {
    const answer = await predict(url);
    return answer.status === 503 ? untilTaken(url) : answer;
  };
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  it('60: refuses predictions over the limit at once, and says when to come back', async () => {
    const { relearn, letAll, asked } = heldModel();
    const { url } = await start({ relearn, limits: { openPredictions: 2 } });
    const leaving = new AbortController();
    const first = predict(url);
    const second = predict(url, leaving.signal).catch(() => 'left');
    await until(() => asked() === 2);
    const refused = await predict(url);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await refused.json()).toMatchObject({ code: 'overloaded' });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(asked()).toBe(2);
    // A client that goes away frees its place, and so does an answer.
    leaving.abort();
    expect(await second).toBe('left');
    const third = untilTaken(url);
    await until(() => asked() === 3);
    letAll();
    expect([(await first).status, (await third).status]).toEqual([200, 200]);
    const fourth = predict(url);
    await until(() => asked() === 4);
    letAll();
    expect((await fourth).status).toBe(200);
  });

  it('75: answers a thousand requests of one connection in their order', async () => {
    const { port } = await start();
    const requests = Array.from(
      { length: 1000 },
      (_, at) => `GET /healthz HTTP/1.1\r\n${host}x-request-id: r-${at}\r\n\r\n`,
    );
    const last = `GET /healthz HTTP/1.1\r\n${host}x-request-id: end\r\nConnection: close\r\n\r\n`;
    const answers = await exchange(port, requests.join('') + last);
    const ids = [...answers.matchAll(/^x-request-id: (\S+)/gim)].map(([, id]) => id);
    expect(ids).toEqual([...requests.map((_, at) => `r-${at}`), 'end']);
  });

  it('76: drops the rest of a batch whose client went away', async () => {
    const { relearn, letAll, asked } = heldModel();
    const { url } = await start({ relearn });
    const leaving = new AbortController();
    const body = JSON.stringify({ pictures: Array(20).fill(dataUrlOf(darkJpeg)) });
    const headers = { 'content-type': 'application/json' };
    const sent = fetch(`${url}/predict`, { method: 'POST', headers, body, signal: leaving.signal });
    await until(() => asked() === 1);
    leaving.abort();
    await expect(sent).rejects.toThrow();
    // Whoever calls after that is answered after the server has heard of it.
    for (let time = 0; time < 3; time++) await fetch(`${url}/healthz`);
    letAll();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(asked()).toBe(1);
    const next = predict(url);
    await until(() => asked() === 2);
    letAll();
    expect((await next).status).toBe(200);
  });

  it('7: takes a picture that comes a byte at a time', async () => {
    const { port } = await start();
    const picture = Buffer.concat([darkJpeg, Buffer.alloc(200_000)]);
    const chunks = Array.from(picture, (byte) => Buffer.from([49, 13, 10, byte, 13, 10]));
    const head = `POST /predict HTTP/1.1\r\n${host}Content-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`;
    const answer = await exchange(
      port,
      Buffer.concat([Buffer.from(head), ...chunks, Buffer.from('0\r\n\r\n')]),
    );
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
  });

  it('8: keeps nothing of a body that ends early', async () => {
    const relearn = createInMemoryRelearn({ clock: systemClock });
    const { port, url } = await start({ relearn });
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.write(
          `POST /callback HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 9999\r\n\r\n{"pic`,
          () => socket.destroy(),
        );
      });
      socket.on('close', () => resolve());
    });
    expect(await relearn.recentFeedback(9)).toEqual([]);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });
});
