/** The built program on disks that are full or read-only: small file systems in memory, as root. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImportReport } from '../../src/records/reports.ts';
import { dataUrl, makePicture, writePictures } from '../integration/pictures.ts';
import { endAll, relearnError, relearnJson, serve, until } from '../integration/program.ts';

const mount = (...args: string[]) => execFileSync('mount', args, { stdio: 'pipe' });

const whyNoMounts = (): string | undefined => {
  const probe = join(tmpdir(), `relearn-mount-${process.pid}`);
  try {
    execFileSync('mkdir', ['-p', probe]);
    mount('-t', 'tmpfs', 'tmpfs', probe);
    execFileSync('umount', [probe]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.split('\n')[0] : String(error);
  } finally {
    execFileSync('rmdir', [probe]);
  }
};
const obstacle = process.platform === 'linux' ? whyNoMounts() : 'this is not Linux';
if (obstacle) console.log(`skipped: full and read-only disks, because ${obstacle}`);

describe.skipIf(obstacle !== undefined)('a disk', () => {
  let folder: string;
  let disk: string;
  let store: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relearn-disk-'));
    disk = join(folder, 'disk');
    store = join(disk, 'store');
    await mkdir(disk);
    mount('-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk);
    await relearnJson('init', '--labels', 'cat,dog', '--image-size', '32', '--store', store);
  });
  afterAll(async () => {
    await endAll();
    execFileSync('umount', [disk]);
    await rm(folder, { recursive: true });
  });

  const send = async (url: string) => {
    const picture = dataUrl(await makePicture('cat', Math.floor(performance.now())));
    const body = JSON.stringify({ picture, target: 'cat' });
    const answer = await fetch(`${url}/callback`, { method: 'POST', body });
    return { status: answer.status, body: (await answer.json()) as { code?: string } };
  };
  /** Waits until the server says so: an answer about the store is kept for some seconds. */
  const readiness = (url: string, status: number, reason?: string) =>
    until(
      `/readyz to answer ${status}`,
      async () => {
        const answer = await fetch(`${url}/readyz`);
        const said = (await answer.json()) as { reason?: string };
        return answer.status === status && (reason === undefined || said.reason?.includes(reason))
          ? true
          : undefined;
      },
      25,
    );
  const feedback = () => readdir(join(store, 'feedback', 'cat'));

  it('that is full refuses feedback with 507, keeps what it has, and goes on when there is room', async () => {
    const server = await serve(store, '--functions', 'feedback');
    expect((await send(server.url)).status).toBe(200);
    await readiness(server.url, 200);
    const before = await feedback();
    const ballast = join(disk, 'ballast');
    await writeFile(ballast, Buffer.alloc(4_000_000)).catch(() => {});
    expect((await stat(ballast)).size).toBeGreaterThan(1_000_000);

    expect(await send(server.url)).toMatchObject({ status: 507, body: { code: 'storage_full' } });
    expect(await feedback()).toEqual(before);
    await readiness(server.url, 503, 'storage_full');
    expect(await readdir(join(store, '.tmp'))).toEqual([]);
    const pictures = await writePictures(join(folder, 'pictures'), 0, 20);
    const refused = await relearnError('import', pictures, '--store', store);
    expect(refused).toMatchObject({ exitCode: 1, code: 'storage_full' });

    await rm(ballast);
    expect((await send(server.url)).status).toBe(200);
    await readiness(server.url, 200);
    const imported = await relearnJson<ImportReport>('import', pictures, '--store', store);
    expect(imported).toMatchObject({ imported: 42, rejected: [] });
    server.child.kill('SIGTERM');
    await server.ended;
  });

  it('that is read-only can be read, and says why it can not be written', async () => {
    // One that is started on such a disk ends at once; this disk fell into it.
    const server = await serve(store, '--functions', 'feedback');
    mount('-o', 'remount,ro', disk);
    const status = await relearnJson<{ pending: object }>('status', '--store', store);
    expect(status.pending).toEqual({ cat: 2, dog: 0 });
    const pictures = join(folder, 'pictures');
    await writePictures(pictures, 21, 30);
    for (const command of [
      ['import', pictures],
      ['train', '--steps', '1'],
      ['serve', '--port', '0'],
    ]) {
      const refused = await relearnError(...command, '--store', store);
      expect(refused).toMatchObject({ exitCode: 1, code: 'storage_read_only' });
    }
    expect(await send(server.url)).toMatchObject({
      status: 503,
      body: { code: 'storage_read_only' },
    });
    await readiness(server.url, 503, 'storage_read_only');
    mount('-o', 'remount,rw', disk);
    expect((await send(server.url)).status).toBe(200);
    await readiness(server.url, 200);
  });
});
