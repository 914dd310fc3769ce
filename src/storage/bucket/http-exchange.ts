/**
 * One HTTP call, without retries. Connections are kept open; one that makes no progress for a while
 * is given up. `node:http` and not `fetch`: it starts faster and can tell a slow transfer from a
 * dead one.
 */
import http from 'node:http';
import https from 'node:https';
import { defaultLimits, type Limits } from './limits.ts';
import type { Answer } from './request.ts';

/** The call brought no whole answer: whether it had an effect is not known. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  /** Node's name for the cause, such as `ECONNREFUSED`; empty where it has none. */
  readonly code: string;

  constructor(message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.code = String((options.cause as NodeJS.ErrnoException | undefined)?.code ?? '');
  }
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

/** Milliseconds after which a connection that nobody uses is closed. */
const unusedTimeout = 10_000;

/** Bytes handed to the connection at a time, so that the progress of an upload can be seen. */
const sliceSize = 65_536;

/**
 * Bytes that may still be on this machine when an upload has been handed to the system, and how many
 * of them a slow line takes in a millisecond. An answer comes only after them.
 */
const mostBuffered = 4 * 1024 * 1024;
const slowLine = 100;

const joinHeaders = (headers: http.IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value].flat().join(', ')]),
  );

/** Calls `onSilence` once, when nothing was `expect`ed or `moved` for as long as the limits say. */
const watchSilence = (limits: Limits, onSilence: (what: string) => void) => {
  let timer: NodeJS.Timeout | undefined;
  let awaited: readonly [what: string, wait: number] = ['', 0];
  let bytes = 0;
  let isOver = false;
  const restart = () => {
    clearTimeout(timer);
    if (isOver) return;
    bytes = 0;
    const [what, wait] = awaited;
    const started = setTimeout(() => {
      // A process that stood still finds its time over before it reads what has come meanwhile.
      setImmediate(() => {
        if (timer === started && !isOver) onSilence(`${what} within ${wait / 1000} s`);
      });
    }, wait);
    timer = started;
  };
  return {
    expect: (what: string, wait: number) => {
      awaited = [what, wait];
      restart();
    },
    moved: (count: number) => {
      bytes += count;
      if (bytes >= limits.slowest) restart();
    },
    stop: () => {
      isOver = true;
      clearTimeout(timer);
    },
  };
};

export const createExchange = (given: Partial<Limits> = {}): Exchange => {
  const limits = { ...defaultLimits, ...given };
  const options = { keepAlive: true, timeout: unusedTimeout };
  const clients = {
    'http:': { request: http.request, agent: new http.Agent(options), connected: 'connect' },
    'https:': {
      request: https.request,
      agent: new https.Agent(options),
      connected: 'secureConnect',
    },
  };
  return ({ origin, method, path, headers, body = new Uint8Array() }) =>
    new Promise((resolve, reject) => {
      const { request, agent, connected } = clients[origin.protocol as keyof typeof clients];
      const silence = watchSilence(limits, (what) => sent.destroy(new Error(what)));
      const fail = (cause: Error) => {
        silence.stop();
        reject(new NoAnswer(cause.message, { cause }));
      };
      const sent = request(
        {
          agent,
          // Brackets belong to an IPv6 address in a URL, not to the address.
          host: origin.hostname.replace(/^\[|\]$/g, ''),
          port: origin.port,
          method,
          path,
          headers:
            body.length > 0 || method === 'PUT'
              ? { ...headers, 'content-length': String(body.length) }
              : headers,
        },
        (response) => {
          silence.expect('the answer did not go on', limits.quiet);
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => {
            silence.moved(chunk.length);
            chunks.push(chunk);
          });
          response.on('error', fail);
          response.on('end', () => {
            silence.stop();
            if (!response.complete) return fail(new Error('the answer was cut off'));
            resolve({
              status: response.statusCode ?? 0,
              headers: joinHeaders(response.headers),
              body: Buffer.concat(chunks),
            });
          });
        },
      );
      sent.on('error', fail);

      const expectAnswer = () => {
        const leaving = Math.min(body.length, mostBuffered) / slowLine;
        silence.expect('no answer began', limits.quiet + Math.ceil(leaving));
      };
      const sendFrom = (start: number) => {
        const end = start + sliceSize;
        if (end >= body.length) return sent.end(body.subarray(start), expectAnswer);
        sent.write(body.subarray(start, end), (error) => {
          if (error) return;
          silence.moved(sliceSize);
          sendFrom(end);
        });
      };
      silence.expect('no connection', limits.connect);
      sent.on('socket', (socket) => {
        const send = () => {
          silence.expect('the connection took no bytes', limits.quiet);
          sendFrom(0);
        };
        if (socket.connecting) socket.once(connected, send);
        else send();
      });
    });
};
