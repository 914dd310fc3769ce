/** Clients that are slow on purpose, or leave in the middle of an upload, against the built program. */
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder } from '../integration/pictures.ts';
import { endAll, relearnJson, type Server, serve, until } from '../integration/program.ts';

let folder: Awaited<ReturnType<typeof makeFolder>>;
let server: Server;
let port: number;

beforeAll(async () => {
  folder = await makeFolder();
  await relearnJson('init', '--labels', 'cat,dog', '--store', folder.path);
  server = await serve(folder.path);
  port = Number(new URL(server.url).port);
});
afterEach(async () => {
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});
afterAll(async () => {
  await endAll();
  await folder.remove();
});

/** Bytes of memory that the server holds; Linux tells. */
const memoryOf = async (): Promise<number> => {
  const status = await readFile(`/proc/${server.child.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1024;
};

const head = (more: string) => `POST /callback HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;

/** Sends one byte each half second until the server has had enough. */
const dribble = (start: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(start));
    const timer = setInterval(() => socket.write('x'), 500);
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // The server has answered and closed; the next byte met nobody.
      if (!['EPIPE', 'ECONNRESET'].includes(error.code ?? '')) reject(error);
    });
    socket.on('close', () => {
      clearInterval(timer);
      resolve(received);
    });
  });

/** Begins an upload of a megabyte, sends a part of it, and leaves. */
const abort = (sent: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(head('Content-Type: image/jpeg\r\nContent-Length: 1000000\r\n'));
      socket.write(sent, () => socket.destroy());
    });
    socket.on('close', () => resolve());
    socket.on('error', reject);
  });

describe('rude clients', () => {
  it('9: a head that never ends is given up after seconds', async () => {
    const began = performance.now();
    const answer = await dribble('GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
    expect(answer).toContain('"code":"request_timeout"');
    expect(answer).toMatch(/x-request-id: /i);
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  it.skipIf(process.platform !== 'linux')(
    '8: two thousand uploads that break off leave no memory behind',
    async () => {
      const part = Buffer.alloc(200_000, 65);
      const round = async (uploads: number) => {
        for (let n = 0; n < uploads; n += 20)
          await Promise.all(Array.from({ length: 20 }, () => abort(part)));
      };
      // Until here the memory of a server grows anyway.
      await round(2_000);
      const before = await memoryOf();
      await round(2_000);
      // 400 MB have been sent; what is held may breathe, not grow along.
      const after = await until(
        'the memory to fall back',
        async () => {
          const now = await memoryOf();
          return now - before < 64e6 ? now : undefined;
        },
        20,
      );
      console.log(
        `2,000 aborted uploads: ${(before / 1e6).toFixed(0)} MB before, ${(after / 1e6).toFixed(0)} MB after`,
      );
      const { items } = (await (await fetch(`${server.url}/api/feedback`)).json()) as {
        items: unknown[];
      };
      expect(items).toEqual([]);
    },
  );
});
