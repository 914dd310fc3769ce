/**
 * One HTTP call, without retries. Connections are kept open; one that makes no progress for a while
 * is given up. `node:http` and not `fetch`: it starts faster and can tell a slow transfer from a
 * dead one.
 */
import http from 'node:http';
import https from 'node:https';
import type { Answer } from './request.ts';

/** The call brought no whole answer: whether it had an effect is not known. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

export interface Call {
  /** Where to connect; its path is not used. */
  readonly origin: URL;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

export type Exchange = (call: Call) => Promise<Answer>;

/**
 * Milliseconds without a byte in either direction. Well below the lease's time to live, so that a
 * connection that died costs a heartbeat and not the lease.
 */
const idleTimeout = 10_000;

const joinHeaders = (headers: http.IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value].flat().join(', ')]),
  );

export const createExchange = (timeout = idleTimeout): Exchange => {
  const options = { keepAlive: true, timeout };
  const clients = {
    'http:': { request: http.request, agent: new http.Agent(options) },
    'https:': { request: https.request, agent: new https.Agent(options) },
  };
  return ({ origin, method, path, headers, body }) =>
    new Promise((resolve, reject) => {
      const { request, agent } = clients[origin.protocol as keyof typeof clients];
      const fail = (cause: Error) => reject(new NoAnswer(cause.message, { cause }));
      const sent = request(
        {
          agent,
          // Brackets belong to an IPv6 address in a URL, not to the address.
          host: origin.hostname.replace(/^\[|\]$/g, ''),
          port: origin.port,
          method,
          path,
          headers:
            body || method === 'PUT'
              ? { ...headers, 'content-length': String(body?.length ?? 0) }
              : headers,
          timeout,
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', fail);
          response.on('end', () => {
            if (!response.complete) return fail(new Error('the answer was cut off'));
            resolve({
              status: response.statusCode ?? 0,
              headers: joinHeaders(response.headers),
              body: Buffer.concat(chunks),
            });
          });
        },
      );
      sent.on('timeout', () => sent.destroy(new Error(`nothing came for ${timeout / 1000} s`)));
      sent.on('error', fail);
      sent.end(body);
    });
};
