/**
 * Listens: the app, the training trigger, and a stop that loses nothing. The order of a stop: not
 * ready, no new connections, running requests end, then the store closes.
 */

import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import pino, { type Logger } from 'pino';
import { collectDefaultMetrics } from 'prom-client';
import { type Clock, systemClock } from '../base/clock.ts';
import { RelearnError } from '../base/errors.ts';
import type { Relearn } from '../loop/relearn-api.ts';
import {
  type FunctionComputeHost,
  type FunctionName,
  functionNames,
  type Limits,
} from './app-context.ts';
import { buildApp } from './build-app.ts';
import { considerTraining } from './consider-training.ts';
import { type ApiKey, type Scope, shortestKey } from './keys.ts';
import { isLoopback, loopbackHosts } from './loopback.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { readPageAssets } from './page-assets.ts';
import { createTrainingTrigger, type TrainingTrigger } from './training-trigger.ts';

export interface ServeOptions {
  /** Closed by the server when it stops. */
  readonly relearn: Relearn;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0 takes any free port. Default 8080. */
  readonly port?: number;
  /** Default: all. */
  readonly functions?: readonly FunctionName[];
  readonly keys?: readonly ApiKey[];
  readonly anonymous?: ReadonlySet<Scope>;
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly limits?: Partial<Limits>;
  /** Those whose observer the store was opened with. */
  readonly metrics?: Metrics;
  /** Set where Function Compute runs this process. */
  readonly functionCompute?: FunctionComputeHost;
  /**
   * Whether accepted feedback starts a training in this process by itself. Default true; false on
   * hosts that give a process time only while a request is open: there events and timers ask.
   */
  readonly trainOnFeedback?: boolean;
  /** Folder of the built page. */
  readonly pageFolder?: string;
  /** Aborted to stop the server. */
  readonly signal?: AbortSignal;
  /** Milliseconds that running requests get to end. */
  readonly drain?: number;
}

export interface RunningServer {
  /** `http://127.0.0.1:8080`, for people and clients on this machine. */
  readonly url: string;
  readonly port: number;
  /** Stops gracefully; calling it again waits for the same stop. */
  close(): Promise<void>;
  /** Resolves when the server has stopped, for whatever reason. */
  readonly closed: Promise<void>;
}

/** The build lays the page beside the program. */
const builtPage = fileURLToPath(new URL('./web/', import.meta.url));

/** Logs as JSON lines on stderr. */
export const createLogger = (level = 'info'): Logger =>
  pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));

/**
 * @throws RelearnError usage/`keys_required`, `port_not_allowed` or `host_not_available`,
 * unavailable/`port_in_use`
 */
export const serve = async (options: ServeOptions): Promise<RunningServer> => {
  const {
    relearn,
    host = '127.0.0.1',
    port = 8080,
    functions = functionNames,
    keys = [],
    anonymous = new Set<Scope>(),
    logger = createLogger(),
    clock = systemClock,
    trainOnFeedback = true,
    drain = 10_000,
  } = options;
  const isLocal = isLoopback(host);
  // Function Compute lets its own event calls in; everybody else is refused there without a key.
  const isGuarded = isLocal || keys.length > 0 || anonymous.size > 0;
  requireKeys(host, isGuarded || options.functionCompute !== undefined);

  const { metrics = createMetrics() } = options;
  collectDefaultMetrics({ register: metrics.registry });
  // Where a training is decided, people want to see how far it is.
  if (functions.includes('train'))
    metrics.watchPending(clock, async () => (await relearn.status()).pending);
  const page = readPageAssets(options.pageFolder ?? builtPage);
  const trigger =
    functions.includes('train') && trainOnFeedback
      ? createTrainingTrigger({
          consider: (signal) => considerTraining({ relearn, clock, metrics }, { signal }),
          clock,
          logger,
        })
      : undefined;
  let isStopping = false;
  const app = buildApp(relearn, {
    functions,
    clock,
    logger,
    newRequestId: randomUUID,
    access: {
      keys,
      anonymous,
      isLocal,
      // Without keys a page in somebody's browser could reach in through a name of its own.
      hosts: isLocal && keys.length === 0 ? loopbackHosts : null,
    },
    metrics,
    isStopping: () => isStopping,
    ...(options.limits ? { limits: options.limits } : {}),
    ...(options.functionCompute ? { functionCompute: options.functionCompute } : {}),
    ...(trigger ? { trigger } : {}),
    ...(page ? { page } : {}),
  });
  await listen(app, host, port);
  const address = app.server.address();
  const boundPort = typeof address === 'object' && address !== null ? address.port : port;
  const url = `http://${urlHost(host)}:${boundPort}`;
  logger.info({ url, functions }, 'listening');
  warnOfShortKeys(logger, keys);
  // A process that was killed may have left enough feedback for a training.
  trigger?.hint();

  let closing: Promise<void> | undefined;
  const stop = async () => {
    isStopping = true;
    logger.info({}, 'stopping');
    const force = setTimeout(() => app.server.closeAllConnections(), drain);
    await Promise.all([stopTrigger(trigger), app.close()]);
    clearTimeout(force);
    await relearn.close();
    logger.info({}, 'stopped');
  };
  const { promise: closed, resolve, reject } = withResolvers();
  const close = () => {
    if (closing === undefined) {
      closing = stop();
      closing.then(resolve, reject);
    }
    return closing;
  };
  // Whoever waits for `closed` sees a failure; nobody has to wait.
  closed.catch(() => {});
  if (options.signal?.aborted) await close();
  options.signal?.addEventListener('abort', () => void close().catch(() => {}), { once: true });
  return { url, port: boundPort, close, closed };
};

const requireKeys = (host: string, isAllowed: boolean) => {
  if (isAllowed) return;
  throw new RelearnError(
    'usage',
    'keys_required',
    `Listening on ${host} without keys would let everybody on the network in.`,
    {
      hint: 'Set RELEARN_KEYS="name:key:predict+feedback+train+admin" or RELEARN_KEYS_FILE, or open routes on purpose with --anonymous predict,feedback.',
    },
  );
};

const warnOfShortKeys = (logger: Logger, keys: readonly ApiKey[]) => {
  const short = keys.filter(({ isShort }) => isShort).map(({ name }) => name);
  if (short.length > 0)
    logger.warn(
      { keys: short },
      `these keys can be guessed; make keys of ${shortestKey} random characters or more, such as by: openssl rand -hex 16`,
    );
};

const listenErrors: Readonly<Record<string, readonly [code: string, hint: string]>> = {
  EADDRINUSE: ['port_in_use', 'Choose another port with --port, or stop the program that has it.'],
  EACCES: ['port_not_allowed', 'Choose a port of 1024 or more with --port.'],
  EADDRNOTAVAIL: ['host_not_available', 'Choose an address of this machine with --host.'],
  ENOTFOUND: ['host_not_available', 'Choose an address of this machine with --host.'],
};

const listen = async (app: ReturnType<typeof buildApp>, host: string, port: number) => {
  try {
    await app.listen({ host: host.replace(/^\[|\]$/g, ''), port });
  } catch (cause) {
    await app.close();
    const systemCode = (cause as NodeJS.ErrnoException).code ?? '';
    const known = Object.hasOwn(listenErrors, systemCode) ? listenErrors[systemCode] : undefined;
    if (known === undefined) throw cause;
    const [code, hint] = known;
    // A port that another program has now may be free later; the others never will be.
    const kind = systemCode === 'EADDRINUSE' ? 'unavailable' : 'usage';
    throw new RelearnError(kind, code, `Cannot listen on ${host}, port ${port}.`, { hint, cause });
  }
};

const stopTrigger = async (trigger: TrainingTrigger | undefined) => trigger?.stop();

/** An address that a client on this machine can open. */
const urlHost = (host: string): string => {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
};

const withResolvers = () => {
  let resolve: () => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
};
