/**
 * Function Compute 3.0 around the built program: HTTP calls and events, instances that scale, freeze
 * and die, initializer and pre-stop, an event queue that retries, doubles, delays and loses, and
 * credentials that come with each call and nowhere else. What it does not play: the network between
 * zones, the start of containers, provisioned instances.
 */
import type { Random } from '../../src/base/random.ts';
import type { Credentials } from '../../src/storage/open-store.ts';
import { callHeaders } from './call-headers.ts';
import {
  type FunctionInstance,
  type InstanceRequest,
  type Reply,
  startInstance,
} from './function-instance.ts';
import type { FunctionConfig } from './read-functions.ts';

/** Chances from 0 to 1. */
export interface Chaos {
  /** That a call's instance is killed, by function, within so many milliseconds of the call's begin. */
  readonly kill: Readonly<Record<string, { readonly chance: number; readonly within: number }>>;
  readonly duplicate: number;
  readonly lose: number;
  /** Milliseconds that an event waits at most before it is delivered: so events overtake others. */
  readonly delay: number;
}

export interface FunctionComputeOptions {
  readonly functions: Readonly<Record<string, FunctionConfig>>;
  readonly random: Random;
  readonly chaos: Chaos;
  newCredentials(): Credentials;
  /** Milliseconds after which an instance without work ends. */
  readonly idle: number;
  /** Told when an instance was frozen. */
  onFreeze?(): void;
}

export interface HttpRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export const emptyCounts = {
  httpCalls: 0,
  eventCalls: 0,
  failedEventCalls: 0,
  throttled: 0,
  eventsSent: 0,
  eventsLost: 0,
  eventsDoubled: 0,
  eventsGivenUp: 0,
  started: 0,
  frozen: 0,
  killed: 0,
  retired: 0,
};

export interface FunctionCompute {
  readonly counts: typeof emptyCounts;
  /** Calls through a function's HTTP trigger. */
  http(name: string, request: HttpRequest): Promise<Reply>;
  /** Takes an event for delivery and returns at once. */
  event(name: string, payload: string): void;
  /** Resolves when every event was delivered or given up. */
  settled(): Promise<void>;
  /** Instances that live, by function. */
  instances(name: string): readonly FunctionInstance[];
  /** Everything that any instance ever wrote. */
  output(): string;
  close(): Promise<void>;
}

interface Slot {
  readonly ready: Promise<FunctionInstance>;
  instance?: FunctionInstance;
  taken: number;
  idleTimer?: NodeJS.Timeout;
}

const megabyte = 1024 * 1024;
const mostHttpBody = 32 * megabyte;
const mostAsyncBody = 128 * 1024;
const mostReplyHeaders = 8 * 1024;
/** Milliseconds; the real queue waits ten times as long. */
const firstBackOff = 50;
const longestBackOff = 800;

const notPassedOn = /^(connection|content-length|date|keep-alive|server)$/;
const sleep = (milliseconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

const errorReply = (status: number, code: string): Reply => ({
  status,
  headers: { 'x-fc-error-type': code },
  body: Buffer.from(JSON.stringify({ errorCode: code })),
});

export const createFunctionCompute = (options: FunctionComputeOptions): FunctionCompute => {
  const { functions, random, chaos, newCredentials, idle } = options;
  const counts = { ...emptyCounts };
  const slots = new Map<string, Set<Slot>>();
  const dead: string[] = [];
  const pending = new Set<Promise<void>>();
  let ids = 0;
  let isClosed = false;

  const configOf = (name: string): FunctionConfig => {
    const config = functions[name];
    if (!config) throw new Error(`There is no function ${name}.`);
    return config;
  };
  const slotsOf = (name: string): Set<Slot> => {
    const found = slots.get(name) ?? new Set();
    slots.set(name, found);
    return found;
  };
  const newRequestId = () => `1-${(++ids).toString(16).padStart(8, '0')}-fc`;

  const headersFor = (name: string, controlPath: string, retryCount = 0) =>
    callHeaders(configOf(name), {
      requestId: newRequestId(),
      controlPath,
      retryCount,
      credentials: newCredentials(),
    });

  const hook = (name: string, method: string, path: string): InstanceRequest => ({
    method,
    path,
    headers: headersFor(name, path),
    body: Buffer.alloc(0),
  });

  const remove = (name: string, slot: Slot) => {
    clearTimeout(slot.idleTimer);
    if (!slotsOf(name).delete(slot) || !slot.instance) return;
    slot.instance.kill();
    dead.push(slot.instance.output());
  };

  const start = (name: string): Slot => {
    const config = configOf(name);
    const initialized = async () => {
      const instance = await startInstance(config, `c-${++ids}`, () => {
        counts.frozen += 1;
        options.onFreeze?.();
      });
      slot.instance = instance;
      counts.started += 1;
      if (config.instanceLifecycleConfig?.initializer) {
        const { status } = await instance.call(hook(name, 'POST', '/initialize'));
        if (status < 200 || status > 299) throw new Error(`The initializer answered ${status}.`);
      }
      return instance;
    };
    const slot: Slot = { ready: initialized(), taken: 0 };
    slot.ready.catch(() => remove(name, slot));
    slotsOf(name).add(slot);
    return slot;
  };

  /** Undefined = no instance has room and there may be no further one. */
  const take = (name: string): Slot | undefined => {
    const { instanceConcurrency, concurrencyConfig } = configOf(name);
    const own = slotsOf(name);
    for (const slot of own) {
      if (slot.instance && !slot.instance.isAlive()) remove(name, slot);
      else if (slot.taken < instanceConcurrency) return slot;
    }
    const most = concurrencyConfig?.reservedConcurrency ?? 100;
    return own.size * instanceConcurrency < most ? start(name) : undefined;
  };

  const retire = async (name: string, slot: Slot) => {
    if (slot.taken > 0 || !slotsOf(name).has(slot)) return;
    slot.taken += 1;
    const instance = await slot.ready;
    if (configOf(name).instanceLifecycleConfig?.preStop) {
      await instance.call(hook(name, 'GET', '/pre-stop')).catch(() => {});
    }
    counts.retired += 1;
    remove(name, slot);
  };

  const killSometimes = (name: string, slot: Slot): (() => void) => {
    const { chance, within } = chaos.kill[name] ?? { chance: 0, within: 0 };
    if (random.next() >= chance) return () => {};
    const timer = setTimeout(() => {
      counts.killed += 1;
      remove(name, slot);
    }, random.integer(within));
    return () => clearTimeout(timer);
  };

  /** @throws Error where the instance did not start or died, `throttled` where none may work on it */
  const call = async (name: string, request: InstanceRequest): Promise<Reply | 'throttled'> => {
    const slot = take(name);
    if (!slot) return 'throttled';
    slot.taken += 1;
    clearTimeout(slot.idleTimer);
    const timeLimit = setTimeout(() => remove(name, slot), configOf(name).timeout * 1000);
    let spare = () => {};
    try {
      const instance = await slot.ready;
      spare = killSometimes(name, slot);
      return await instance.call(request);
    } finally {
      spare();
      clearTimeout(timeLimit);
      slot.taken -= 1;
      if (slot.taken === 0 && !isClosed)
        slot.idleTimer = setTimeout(() => void retire(name, slot).catch(() => {}), idle);
    }
  };

  const http = async (name: string, request: HttpRequest): Promise<Reply> => {
    const { method = 'POST', path } = request;
    const trigger = configOf(name).triggers.find(({ triggerType }) => triggerType === 'http');
    if (!trigger) return errorReply(404, 'TriggerNotFound');
    if (!trigger.triggerConfig.methods?.includes(method))
      return errorReply(405, 'MethodNotAllowed');
    const body = Buffer.from(request.body ?? '');
    if (body.length > mostHttpBody) return errorReply(413, 'RequestTooLarge');
    counts.httpCalls += 1;
    const own = Object.entries(request.headers ?? {}).filter(([header]) => !/^x-fc-/i.test(header));
    const added: Readonly<Record<string, string>> = {
      ...headersFor(name, '/http-invoke'),
      'x-fc-base-path': path,
    };
    let reply: Reply | 'throttled';
    try {
      reply = await call(name, {
        method,
        path,
        headers: { ...Object.fromEntries(own), ...added },
        body,
      });
    } catch (error) {
      // The simulator's own way to say that a function can't start at all.
      if (error instanceof Error && error.message.startsWith('FunctionNotStarted')) throw error;
      return errorReply(502, 'FunctionInstanceDied');
    }
    if (reply === 'throttled') {
      counts.throttled += 1;
      return errorReply(429, 'ResourceThrottled');
    }
    if (JSON.stringify(reply.headers).length > mostReplyHeaders)
      return errorReply(502, 'BadResponse');
    const kept = Object.entries(reply.headers).filter(
      ([header]) => !notPassedOn.test(header) && !/^x-fc-(?!status$)/.test(header),
    );
    const headers = { ...Object.fromEntries(kept), 'x-fc-request-id': added['x-fc-request-id'] };
    return { ...reply, headers };
  };

  /** @returns what FC learns of an event call: nothing of status and headers but `x-fc-status` */
  const deliverOnce = async (
    name: string,
    payload: string,
    retryCount: number,
  ): Promise<'done' | 'failed' | 'throttled'> => {
    const request = {
      method: 'POST',
      path: '/invoke',
      headers: {
        ...headersFor(name, '/invoke', retryCount),
        'content-type': 'application/octet-stream',
      },
      body: Buffer.from(payload),
    };
    try {
      const reply = await call(name, request);
      if (reply === 'throttled') return reply;
      counts.eventCalls += 1;
      return reply.headers['x-fc-status'] === '404' ? 'failed' : 'done';
    } catch {
      counts.eventCalls += 1;
      return 'failed';
    }
  };

  const deliver = async (name: string, payload: string): Promise<void> => {
    await sleep(random.integer(chaos.delay + 1));
    const retries = configOf(name).asyncInvokeConfig?.maxAsyncRetryAttempts ?? 3;
    let backOff = firstBackOff;
    for (let failures = 0; failures <= retries && !isClosed; ) {
      const outcome = await deliverOnce(name, payload, failures);
      if (outcome === 'done') return;
      if (outcome === 'failed') {
        failures += 1;
        counts.failedEventCalls += 1;
      } else {
        counts.throttled += 1;
        await sleep(backOff);
        backOff = Math.min(backOff * 2, longestBackOff);
      }
    }
    counts.eventsGivenUp += 1;
  };

  const event = (name: string, payload: string): void => {
    if (Buffer.byteLength(payload) > mostAsyncBody) throw new Error('The event is too large.');
    counts.eventsSent += 1;
    const copies = () => {
      if (random.next() < chaos.lose) {
        counts.eventsLost += 1;
        return 0;
      }
      if (random.next() >= chaos.duplicate) return 1;
      counts.eventsDoubled += 1;
      return 2;
    };
    for (let left = copies(); left > 0; left--) {
      const delivery = deliver(name, payload).finally(() => pending.delete(delivery));
      pending.add(delivery);
    }
  };

  const instances = (name: string) =>
    [...slotsOf(name)].flatMap(({ instance }) => (instance?.isAlive() ? [instance] : []));

  return {
    counts,
    http,
    event,
    settled: async () => {
      while (pending.size > 0) await Promise.all(pending);
    },
    instances,
    output: () =>
      [
        ...dead,
        ...Object.keys(functions)
          .flatMap(instances)
          .map((one) => one.output()),
      ].join('\n'),
    close: async () => {
      isClosed = true;
      for (const [name, own] of slots) {
        for (const slot of own) {
          await slot.ready.catch(() => {});
          remove(name, slot);
        }
      }
      await Promise.all(pending);
    },
  };
};
