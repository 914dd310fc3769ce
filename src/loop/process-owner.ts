/**
 * Names this process in its leases, so that another process on the same machine can tell at once
 * that it is gone instead of waiting for its heartbeat to grow old.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

/** Process ids mean something only inside one namespace, so it is part of the name where known. */
const readNamespace = async (): Promise<string> =>
  (await readlink('/proc/self/ns/pid').catch(() => '')).replace(/\D/g, '');

/** Names one run of one kernel: hosts may share a name, and all number their first namespace alike. */
const readBoot = async (): Promise<string> =>
  (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim();

/** The start time tells this process from an earlier one that had the same id. */
const readName = async (): Promise<string> =>
  [
    hostname(),
    await readBoot(),
    await readNamespace(),
    process.pid,
    Math.round(performance.timeOrigin),
  ].join('/');

let name: Promise<string> | undefined;

/** Looked up once: a process keeps its name. */
export const nameThisProcess = (): Promise<string> => {
  name ??= readName();
  return name;
};

/** Linux: it has ended and only waits until its parent asks how, for as long as that may take. */
const isZombie = (pid: number): boolean => {
  try {
    // Another namespace's process list would speak of other processes.
    if (readlinkSync('/proc/self') !== String(process.pid)) return false;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; the state follows it.
    return stat[stat.lastIndexOf(')') + 2] === 'Z';
  } catch {
    return false;
  }
};

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    // EPERM: it runs, and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
};

/**
 * True only where it is certain: the same kernel since it started, the same namespace, and no such
 * process any more. Where the system names none of them, it never is.
 */
export const isOwnerDead =
  (self: string) =>
  (owner: string): boolean => {
    const [, boot, namespace, pid] = owner.split('/');
    const [, ownBoot, ownNamespace, ownPid] = self.split('/');
    const isKnown = ownBoot !== '' && ownNamespace !== '';
    if (owner === self || !isKnown || boot !== ownBoot || namespace !== ownNamespace) return false;
    const id = Number(pid);
    if (!Number.isSafeInteger(id) || id <= 0) return false;
    // Our own id under another name: the earlier process that had it must have ended.
    return pid === ownPid || !isRunning(id);
  };
