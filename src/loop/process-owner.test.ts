/** When a process may be called gone: only where that is certain. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { afterEach, expect, test } from 'vitest';
import { isOwnerDead, nameThisProcess } from './process-owner.ts';

const children: ReturnType<typeof spawn>[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** This process's name with another process id. */
const nameOf = async (pid: number): Promise<string> =>
  (await nameThisProcess()).replace(/\/\d+\/(\d+)$/, `/${pid}/$1`);

const isDead = async (pid: number): Promise<boolean> =>
  isOwnerDead(await nameThisProcess())(await nameOf(pid));

/** Runs a script of the shell and reads the number that it prints. */
const startShell = async (script: string): Promise<{ own: number; printed: number }> => {
  const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  return { own: child.pid as number, printed: Number(chunk) };
};

test.runIf(process.platform === 'linux')(
  'a process that runs is not dead, one that has ended is',
  async () => {
    const { own } = await startShell('echo 1; exec sleep 60');
    expect(await isDead(own)).toBe(false);
    const [child] = children;
    child?.kill('SIGKILL');
    await once(child as ReturnType<typeof spawn>, 'exit');
    expect(await isDead(own)).toBe(true);
  },
);

test.runIf(process.platform === 'linux')(
  'a process that was killed and that its parent has not asked for is dead',
  async () => {
    // The parent becomes a program that never asks for its children.
    const { own, printed } = await startShell('sleep 60 & echo $!; exec sleep 60');
    await expect.poll(() => readFile(`/proc/${own}/comm`, 'utf8')).toBe('sleep\n');
    expect(await isDead(printed)).toBe(false);
    process.kill(printed, 'SIGKILL');
    await expect.poll(() => isDead(printed)).toBe(true);
    // The system itself still lists it.
    expect(process.kill(printed, 0)).toBe(true);
  },
);

test.runIf(process.platform === 'linux')(
  'nothing is known of other machines, other namespaces and oneself',
  async () => {
    const self = await nameThisProcess();
    const isGone = isOwnerDead(self);
    expect(isGone(self)).toBe(false);
    const [host, boot, namespace, , start] = self.split('/');
    const noProcess = 2 ** 22 + 1;
    const named = (...parts: (string | undefined)[]) => [...parts, noProcess, start].join('/');
    expect(isGone(named(host, boot, namespace))).toBe(true);
    // Another machine may have the same name, and its first namespace has the same number.
    expect(isGone(named(host, `${boot}2`, namespace))).toBe(false);
    expect(isGone(named(host, boot, `${namespace}1`))).toBe(false);
    // Where a system tells neither, nothing is certain.
    expect(isOwnerDead(`${host}///7/1`)(`${host}///8/1`)).toBe(false);
    expect(isGone('somebody')).toBe(false);
  },
);
