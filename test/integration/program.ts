/** Runs the built program as its users do: as a process, by its command line. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
if (!existsSync(program)) throw new Error('Build first: npm run build');

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Finished>;
  /** What was written to stderr so far. */
  log(): string;
}

/** Nobody's own settings and credentials reach a test. */
const cleanEnvironment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(RELEARN_|HF_|AWS_|OSS_|ALIBABA_CLOUD_|FC_|PORT$)/.test(name),
  ),
);
let environment: NodeJS.ProcessEnv = cleanEnvironment;

/** Further variables for all programs that are started from here on. */
export const useEnvironment = (more: Readonly<Record<string, string>>): void => {
  environment = { ...cleanEnvironment, ...more };
};

const running = new Set<ChildProcess>();

/** Ends what a test left behind; call it after each test. */
export const endAll = async (): Promise<void> => {
  await Promise.all(
    [...running].map((child) => {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      return ended;
    }),
  );
};

export const start = (...args: readonly string[]): Running => {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment,
  });
  running.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<Finished>((resolve) =>
    child.on('close', (code, signal) => {
      running.delete(child);
      resolve({ code, signal, stdout, stderr });
    }),
  );
  return { child, ended, log: () => stderr };
};

export const relearn = (...args: readonly string[]): Promise<Finished> => start(...args).ended;

/** Runs a command that must succeed and reads its `--json` answer. */
export const relearnJson = async <T>(...args: readonly string[]): Promise<T> => {
  const finished = await relearn(...args, '--json');
  if (finished.code !== 0) {
    throw new Error(`relearn ${args.join(' ')} ended with ${finished.code}: ${finished.stderr}`);
  }
  return JSON.parse(finished.stdout) as T;
};

/** Runs a command that must fail and reads the error that `--json` prints. */
export const relearnError = async (...args: readonly string[]) => {
  const finished = await relearn(...args, '--json');
  const { error } = JSON.parse(finished.stdout) as {
    readonly error: { readonly code: string; readonly message: string; readonly hint: string };
  };
  return { exitCode: finished.code, ...error, stderr: finished.stderr };
};

export const sleep = (milliseconds: number) =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Asks again and again until the answer is there. */
export const until = async <T>(
  what: string,
  look: () => Promise<T | undefined>,
  seconds = 150,
): Promise<T> => {
  const deadline = performance.now() + seconds * 1000;
  while (performance.now() < deadline) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(50);
  }
  throw new Error(`Waited ${seconds} seconds in vain for ${what}.`);
};

export interface Server extends Running {
  readonly url: string;
}

/** Starts `relearn serve` on a free port and waits until it listens. */
export const serve = async (store: string, ...args: readonly string[]): Promise<Server> => {
  const server = start('serve', '--store', store, '--port', '0', ...args);
  let isOver = false;
  void server.ended.then(() => {
    isOver = true;
  });
  const url = await until('the server to listen', async () => {
    if (isOver) throw new Error(`The server ended: ${server.log()}`);
    return /"url":"(http:[^"]+)"/.exec(server.log())?.[1];
  });
  return { ...server, url };
};

/** Hundredths of a second of a processor: one that has had as many was given its order. */
const atWork = 10;

/**
 * The training process that this process started, once it is at work: before, its parent may not
 * have told it what to do yet. Linux only.
 */
export const findTrainingChild = async (parent: number): Promise<number | undefined> => {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = await readFile(`/proc/${name}/stat`, 'utf8');
      // The name in parentheses may hold spaces; state and parent follow it.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const [state, parentId, userTime, systemTime] = [0, 1, 11, 12].map((at) => fields[at]);
      if (Number(parentId) !== parent || state === 'Z') continue;
      if (Number(userTime) + Number(systemTime) < atWork) continue;
      const command = await readFile(`/proc/${name}/cmdline`, 'utf8');
      if (command.includes('training-child')) return Number(name);
    } catch {
      // It ended while we looked.
    }
  }
  return undefined;
};
