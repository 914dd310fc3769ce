/** A server whose store is read-only: refused at once with the cure, or serving what only reads. */
import { spawn } from 'node:child_process';
import { chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../free-port.ts';
import { makeFolder } from './pictures.ts';
import { relearnJson } from './program.ts';

const program = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
/** Root may write everywhere, so the program runs as nobody where the tests run as root. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

let folder: Awaited<ReturnType<typeof makeFolder>>;
let store: string;

const chmodAll = async (folderMode: number, fileMode: number) => {
  for (const entry of await readdir(store, { recursive: true, withFileTypes: true }))
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? folderMode : fileMode);
  for (const path of [store, folder.path]) await chmod(path, folderMode);
};

beforeAll(async () => {
  folder = await makeFolder();
  store = join(folder.path, 'store');
  await relearnJson('init', '--labels', 'cat,dog', '--store', store);
  await chmodAll(0o555, 0o444);
});
afterAll(async () => {
  await chmodAll(0o755, 0o644);
  await folder.remove();
});

const serve = (port: number, ...more: readonly string[]) => {
  const args = [program, 'serve', '--store', store, '--port', String(port), ...more];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], ...nobody });
  let told = '';
  child.stdout.on('data', (chunk) => {
    told += chunk;
  });
  child.stderr.on('data', (chunk) => {
    told += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { child, ended, told: () => told };
};

it.each([[[]], [['--functions', 'predict,feedback']]])('is refused: serve %j', async (more) => {
  const { ended, told } = serve(await freePort(), ...more);
  expect(await ended).toBe(1);
  expect(told()).toMatch(/relearn: The store is read-only for this process\./);
  expect(told()).toMatch(/write permission.*--functions predict,studio/);
});

it('serves what only reads', async () => {
  const port = await freePort();
  const { child, ended, told } = serve(port, '--functions', 'predict,studio');
  try {
    await expect.poll(told, { timeout: 20_000 }).toContain('Relearn answers at');
    const status = await fetch(`http://127.0.0.1:${port}/api/status`);
    expect(status.status).toBe(200);
  } finally {
    child.kill('SIGTERM');
  }
  expect(await ended).toBe(0);
});
