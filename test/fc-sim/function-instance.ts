/**
 * One instance of a function: the real program as a process of its own group, started, checked,
 * frozen with SIGSTOP when its last answer has ended, thawed before the next request, and killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import http from 'node:http';
import { freePort } from '../free-port.ts';
import type { FunctionConfig } from './read-functions.ts';

export interface InstanceRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface FunctionInstance {
  readonly id: string;
  /** Requests that have no answer yet. */
  active(): number;
  isAlive(): boolean;
  /** @throws Error where the instance died before its answer ended */
  call(request: InstanceRequest): Promise<Reply>;
  kill(): void;
  /** What it wrote to stdout and stderr. */
  output(): string;
}

/** An instance is reached from outside: a server that listens on 127.0.0.1 alone is not there. */
const address = '127.0.0.2';
const startLimit = 120_000;

const signalGroup = ({ pid }: ChildProcess, signal: NodeJS.Signals): void => {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // It has ended already.
  }
};

/** The variables of 2.1 of the platform's documentation, but for the credentials. */
const environmentOf = (config: FunctionConfig, id: string, port: number) => ({
  PATH: process.env.PATH,
  ...config.environmentVariables,
  FC_FUNC_CODE_PATH: '/code',
  FC_ACCOUNT_ID: config.account,
  FC_FUNCTION_HANDLER: 'index.handler',
  FC_FUNCTION_MEMORY_SIZE: String(config.memorySize),
  FC_FUNCTION_NAME: config.functionName,
  FC_REGION: config.region,
  FC_INSTANCE_ID: id,
  FC_SERVER_PORT: String(port),
  FC_CUSTOM_LISTEN_PORT: String(port),
});

/** @throws Error `FunctionNotStarted` where it does not come up in time */
export const startInstance = async (
  config: FunctionConfig,
  id: string,
  onFreeze: () => void,
): Promise<FunctionInstance> => {
  const port = await freePort('0.0.0.0');
  const [program = '', ...args] = config.command;
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environmentOf(config, id, port),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  let isAlive = true;
  child.on('exit', () => {
    isAlive = false;
    // What it started lives in its group.
    signalGroup(child, 'SIGKILL');
  });
  const kill = () => {
    isAlive = false;
    signalGroup(child, 'SIGKILL');
  };

  const agent = new http.Agent({ keepAlive: true });
  const exchange = ({ method, path, headers, body }: InstanceRequest): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const sent = http.request(
        { agent, host: address, port, method, path, headers: { ...headers, host: 'fc.example' } },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            if (!response.complete) return reject(new Error('The answer was cut off.'));
            const { statusCode: status = 0, headers: received } = response;
            resolve({ status, headers: received, body: Buffer.concat(chunks) });
          });
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });

  let active = 0;
  const call = async (request: InstanceRequest): Promise<Reply> => {
    active += 1;
    signalGroup(child, 'SIGCONT');
    try {
      return await exchange({
        ...request,
        headers: { ...request.headers, 'content-length': String(request.body.length) },
      });
    } finally {
      active -= 1;
      if (active === 0 && isAlive) {
        signalGroup(child, 'SIGSTOP');
        onFreeze();
      }
    }
  };

  const untilUp = async () => {
    const path = config.customContainerConfig.healthCheckConfig?.httpGetUrl ?? '/';
    const deadline = performance.now() + startLimit;
    while (performance.now() < deadline && isAlive) {
      const reply = await exchange({
        method: 'GET',
        path,
        headers: {},
        body: Buffer.alloc(0),
      }).catch(() => undefined);
      // Without a health check a connection is enough.
      if (reply && (path === '/' || reply.status === 200)) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    kill();
    throw new Error(`FunctionNotStarted: Ping CA failed. The instance wrote:\n${output}`);
  };
  await untilUp();
  return {
    id,
    active: () => active,
    isAlive: () => isAlive,
    call,
    kill: () => {
      kill();
      agent.destroy();
    },
    output: () => output,
  };
};
