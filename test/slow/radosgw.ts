/** A real S3 on loopback: Ceph's radosgw, started by a script beside the repository. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../free-port.ts';

const run = promisify(execFile);
const tools = fileURLToPath(new URL('../../../shared/tools', import.meta.url));
const starter = join(tools, 'ceph-micro.sh');

const hasCommand = (name: string): boolean =>
  ['/usr/bin', '/usr/local/bin'].some((folder) => existsSync(join(folder, name)));

/** Why radosgw can't be started here; undefined where it can. */
export const whyNoRadosgw = (): string | undefined => {
  if (!existsSync(starter)) return `there is no ${starter}`;
  const missing = ['radosgw', 'ceph-mon', 'ceph-osd'].filter((name) => !hasCommand(name));
  return missing.length === 0 ? undefined : `${missing.join(', ')} not installed`;
};

export interface Radosgw {
  readonly endpoint: string;
  /** What a process needs to be let in. */
  readonly env: Readonly<Record<string, string>>;
  /** To the gateway alone: SIGSTOP makes it hang with its port open. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  /** `radosgw-admin` with these arguments. */
  admin(...args: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

export interface RadosgwPlace {
  /** A network namespace of the test's own. */
  readonly namespace: string;
  /** The address there on which it listens. */
  readonly address: string;
}

/**
 * How often a start is tried: Ceph's own command now and then asks its monitor before it knows the
 * cluster, and is refused.
 */
const tries = 3;

/** @param place default: on loopback */
export const startRadosgw = async (place?: RadosgwPlace): Promise<Radosgw> => {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-ceph-'));
  const address = place?.address ?? '127.0.0.1';
  const enter = place ? ['ip', 'netns', 'exec', place.namespace] : [];
  // The script clears what an earlier try left in the folder.
  const startOnFreePort = async (triesLeft: number): Promise<number> => {
    const [port, monitor] = [await freePort(), await freePort()];
    const [command = starter, ...args] = [...enter, starter, folder, String(port)];
    const env = { ...process.env, MON_PORT: String(monitor), RGW_BIND: address };
    try {
      await run(command, args, { env, timeout: 120_000 });
      return port;
    } catch (error) {
      if (triesLeft === 1) throw error;
      return startOnFreePort(triesLeft - 1);
    }
  };
  const port = await startOnFreePort(tries);
  return {
    endpoint: `http://${address}:${port}`,
    env: { AWS_ACCESS_KEY_ID: 'relearnkey', AWS_SECRET_ACCESS_KEY: 'relearnsecret' },
    signal: async (name) => {
      process.kill(Number(await readFile(join(folder, 'run', 'client.rgw.pid'), 'utf8')), name);
    },
    admin: async (...args) => {
      const config = ['-c', join(folder, 'ceph.conf'), '-n', 'client.rgw'];
      await run('radosgw-admin', [...config, ...args], { timeout: 60_000 });
    },
    stop: async () => {
      await run(join(tools, 'ceph-stop.sh'), [folder, '-9']);
      await rm(folder, { recursive: true, force: true });
    },
  };
};
