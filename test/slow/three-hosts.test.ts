/**
 * Three hosts in network namespaces share a store in radosgw: one of them gets a lease at a time, and
 * a trainer that is cut off and stopped past its lease publishes nothing when it comes back. Nor does
 * one whose packets go one way only: its calls, or their answers.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelsReport } from '../../src/records/reports.ts';
import { leaseTimeToLive } from '../../src/registry/lease.ts';
import { makeFolder, writePictures } from '../integration/pictures.ts';
import { findTrainingChild, sleep, until } from '../integration/program.ts';
import { buildWorker } from './build-worker.ts';
import { raceForLease, tellAll, untilReady } from './racers.ts';
import { type Radosgw, startRadosgw, whyNoRadosgw } from './radosgw.ts';

const rounds = 50;
const name = (part: string) => `relearn-${process.pid}-${part}`;
const middle = name('switch');
const hosts = [1, 2, 3];
const hostName = (host: number) => name(`host${host}`);
const ip = (...args: string[]) => execFileSync('ip', args, { stdio: 'pipe' });

/** Packets that do not arrive: a host's own to the storage, or the storage's answers. */
type Lost = 'calls' | 'answers';
const rules: Readonly<Record<Lost, readonly string[]>> = {
  calls: ['OUTPUT', '-d', '10.77.0.254', '-j', 'DROP'],
  answers: ['INPUT', '-s', '10.77.0.254', '-j', 'DROP'],
};
const filter = (action: '-A' | '-D', host: number, lost: Lost) =>
  ip('netns', 'exec', hostName(host), 'iptables', action, ...rules[lost]);
const cut = (host: number, lost: Lost) => filter('-A', host, lost);
const heal = (host: number, lost: Lost) => filter('-D', host, lost);

const whyNoNamespaces = (): string | undefined => {
  try {
    ip('netns', 'add', name('probe'));
    ip('-n', name('probe'), 'link', 'add', 'br0', 'type', 'bridge');
    ip('netns', 'del', name('probe'));
    return undefined;
  } catch (error) {
    return `no network namespaces: ${error instanceof Error ? error.message.trim() : error}`;
  }
};
const obstacle = whyNoRadosgw() ?? whyNoNamespaces();
if (obstacle) console.log(`skipped: three hosts, because ${obstacle}`);

const connect = () => {
  const address = (host: number) => `10.77.0.${host}/24`;
  ip('netns', 'add', middle);
  ip('-n', middle, 'link', 'set', 'lo', 'up');
  ip('-n', middle, 'link', 'add', 'br0', 'type', 'bridge');
  ip('-n', middle, 'addr', 'add', address(254), 'dev', 'br0');
  ip('-n', middle, 'link', 'set', 'br0', 'up');
  for (const host of hosts) {
    const own = hostName(host);
    ip('netns', 'add', own);
    const pair = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', own];
    ip('-n', middle, 'link', 'add', `port${host}`, ...pair);
    ip('-n', middle, 'link', 'set', `port${host}`, 'master', 'br0', 'up');
    ip('-n', own, 'addr', 'add', address(host), 'dev', 'eth0');
    ip('-n', own, 'link', 'set', 'eth0', 'up');
    ip('-n', own, 'link', 'set', 'lo', 'up');
  }
};

describe.skipIf(obstacle !== undefined)('three hosts', () => {
  const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
  const children = new Set<ChildProcess>();
  let folder: Awaited<ReturnType<typeof makeFolder>>;
  let service: Radosgw;
  let racer: string;

  beforeAll(async () => {
    folder = await makeFolder();
    connect();
    service = await startRadosgw({ namespace: middle, address: '10.77.0.254' });
    racer = await buildWorker('race-worker');
  });
  afterAll(async () => {
    for (const child of children) {
      child.removeAllListeners();
      child.kill('SIGKILL');
    }
    await service?.stop();
    for (const namespace of [...hosts.map(hostName), middle]) {
      try {
        ip('netns', 'del', namespace);
      } catch {
        // It was not made.
      }
    }
    await folder.remove();
    await rm(racer, { force: true });
  });

  const store = (bucket: string) => `s3://${bucket}?endpoint=${service.endpoint}&region=us-east-1`;

  const on = (host: number, ipc: boolean, ...args: string[]): ChildProcess => {
    const inside = ['netns', 'exec', hostName(host), process.execPath, ...args];
    const child = spawn('ip', inside, {
      stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? (['ipc'] as const) : [])],
      env: { ...process.env, ...service.env },
    });
    children.add(child);
    child.once('close', () => children.delete(child));
    return child;
  };

  const relearnOn = (host: number, ...args: string[]) => {
    const child = on(host, false, cli, ...args, '--json');
    let [stdout, stderr] = ['', ''];
    child.stdout?.on('data', (chunk) => (stdout += chunk));
    child.stderr?.on('data', (chunk) => (stderr += chunk));
    const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
      child.on('close', (code) => resolve({ code, stdout, stderr })),
    );
    return { child, ended };
  };

  const answerOn = async <T>(host: number, ...args: string[]): Promise<T> => {
    const { code, stdout, stderr } = await relearnOn(host, ...args).ended;
    if (code !== 0) throw new Error(`relearn ${args.join(' ')} ended with ${code}: ${stderr}`);
    return JSON.parse(stdout) as T;
  };

  it(`race for ${rounds} leases, each of which one of them gets`, async () => {
    await answerOn(1, 'init', '--labels', 'cat,dog', '--store', store('races'));
    const racers = hosts.map((host) => on(host, true, racer, store('races')));
    await untilReady(racers);
    await raceForLease(racers, rounds);
    console.log(`three hosts, ${rounds} contested leases: ${rounds} single winners`);
  });

  it('keep a trainer that was cut off and stopped from publishing', async () => {
    const place = ['--store', store('trainers')];
    const briefly = ['--rounds', '1', '--steps', '1'];
    const settings = ['--labels', 'cat,dog', '--image-size', '32', '--holdout', '0.4'];
    await answerOn(1, 'init', ...settings, ...place);
    await answerOn(1, 'import', await writePictures(join(folder.path, 'base'), 0, 29), ...place);
    const paused = relearnOn(3, 'train', ...briefly, ...place);
    const parent = paused.child.pid as number;
    const child = await until('the training process', () => findTrainingChild(parent));
    for (const pid of [parent, child]) process.kill(pid, 'SIGSTOP');
    ip('-n', middle, 'link', 'set', 'port3', 'down');
    const early = await relearnOn(1, 'train', ...briefly, ...place).ended;
    expect(JSON.parse(early.stdout)).toMatchObject({ error: { code: 'already_training' } });

    await sleep(leaseTimeToLive + 1_000);
    const other = await answerOn<{ version: number }>(1, 'train', ...briefly, ...place);
    expect(other.version).toBe(1);
    const published = await answerOn<ModelsReport>(2, 'models', ...place);

    for (const pid of [child, parent]) process.kill(pid, 'SIGCONT');
    await sleep(1_000);
    ip('-n', middle, 'link', 'set', 'port3', 'up');
    const woken = await paused.ended;
    expect(woken.code).toBe(1);
    expect(JSON.parse(woken.stdout)).toMatchObject({ error: { code: 'lease_lost' } });
    expect(await answerOn<ModelsReport>(2, 'models', ...place)).toEqual(published);
    expect(await answerOn(2, 'fsck', ...place)).toMatchObject({ ok: true, problems: [] });
  });

  it.each<Lost>(['calls', 'answers'])(
    'agree on a lease although the %s of one of them are lost on the way',
    async (lost) => {
      const place = store(`leases-without-${lost}`);
      await answerOn(1, 'init', '--labels', 'cat,dog', '--store', place);
      const racers = hosts.map((host) => on(host, true, racer, place));
      await untilReady(racers);
      await raceForLease(racers, 1); // everybody has a connection
      const epochs: number[] = [];
      const outcomes: string[] = [];
      // Where exactly the line breaks is left to chance: before, between or after the calls.
      for (const delay of [0, 10, 25]) {
        const answered = tellAll(racers, { lease: 'take' });
        await sleep(delay);
        cut(3, lost);
        const answers = await answered;
        const winners = answers.filter(({ won }) => won);
        expect(winners.length).toBeLessThanOrEqual(1);
        outcomes.push(answers[2]?.error ?? (answers[2]?.won ? 'won' : 'lost'));
        heal(3, lost);
        await tellAll(racers, { lease: 'give' });
        // A lease that was written and whose owner never heard of it grows old like any other.
        const next = await until(
          'the lease to be free again',
          async () => {
            const [taken] = await tellAll(racers.slice(0, 1), { lease: 'take' });
            return taken?.won ? taken.epoch : undefined;
          },
          2 * (leaseTimeToLive / 1000),
        );
        await tellAll(racers, { lease: 'give' });
        epochs.push(...winners.map(({ epoch = 0 }) => epoch), next);
      }
      expect(epochs).toEqual([...new Set(epochs)].sort((a, b) => a - b));
      for (const outcome of outcomes) {
        expect(['won', 'lost', 'storage_unavailable', 'ambiguous_write']).toContain(outcome);
      }
      console.log(`leases while ${lost} are lost: the host that was cut off said ${outcomes}`);
      await raceForLease(racers, 5); // all three again
      expect(await answerOn(2, 'fsck', '--store', place)).toMatchObject({ ok: true, problems: [] });
    },
  );

  /** A trainer on this host that is cut off when it has all but published. */
  const cutBeforePublishing = async (host: number, lost: Lost, place: readonly string[]) => {
    const settings = ['--labels', 'cat,dog', '--image-size', '32', '--holdout', '0.4'];
    await answerOn(1, 'init', ...settings, ...place);
    await answerOn(1, 'import', await writePictures(join(folder.path, 'base'), 0, 29), ...place);
    const trainer = relearnOn(host, 'train', '--rounds', '1', '--steps', '1', ...place);
    const parent = trainer.child.pid as number;
    await until('the training process', () => findTrainingChild(parent));
    process.kill(parent, 'SIGSTOP');
    await until('the training to be done', async () =>
      (await findTrainingChild(parent)) === undefined ? true : undefined,
    );
    cut(host, lost);
    process.kill(parent, 'SIGCONT');
    return trainer;
  };

  it.each<[Lost, number]>([
    ['calls', 2],
    ['answers', 3],
  ])(
    'keep a trainer whose %s are lost from publishing beside another, and it says why',
    async (lost, host) => {
      const place = ['--store', store(`training-without-${lost}`)];
      const [hopeless, again] = [
        await cutBeforePublishing(host, lost, place),
        ['train', '--rounds', '1', '--steps', '1', ...place],
      ];
      await sleep(leaseTimeToLive + 1_000);
      const other = await answerOn<{ version: number }>(1, ...again);
      expect(other.version).toBe(1);
      const published = await answerOn<ModelsReport>(1, 'models', ...place);
      // One comes back in time to hear that it was too late; the other one never does.
      if (lost === 'calls') heal(host, lost);
      const { code, stdout } = await hopeless.ended;
      if (lost === 'answers') heal(host, lost);
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({
        error: {
          code: lost === 'calls' ? 'lease_lost' : 'storage_unavailable',
          message: expect.any(String),
          hint: expect.any(String),
        },
      });
      expect(await answerOn<ModelsReport>(1, 'models', ...place)).toEqual(published);
      expect(await answerOn(1, 'fsck', ...place)).toMatchObject({ ok: true, problems: [] });
      expect((await answerOn<{ version: number }>(host, ...again)).version).toBe(2);
      expect(await answerOn(1, 'fsck', ...place)).toMatchObject({ ok: true, problems: [] });
    },
  );
});
