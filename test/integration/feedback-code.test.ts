/**
 * The feedback function as plain code: a folder that knows nothing of this repository, started by its
 * bootstrap as Function Compute's custom runtime does, loads no engine and keeps what it is sent.
 */
import { execFile, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../free-port.ts';
import { dataUrl, makeFolder, makePicture } from './pictures.ts';
import { endAll, relearnJson, until } from './program.ts';

const script = fileURLToPath(new URL('../../scripts/package-feedback.mjs', import.meta.url));
const run = promisify(execFile);

let folder: Awaited<ReturnType<typeof makeFolder>>;
let group: number | undefined;
afterEach(async () => {
  if (group !== undefined) process.kill(-group, 'SIGKILL');
  await endAll();
  await folder.remove();
});

test.skipIf(process.platform !== 'linux' || process.arch !== 'x64')(
  'runs from a folder of its own and loads neither ONNX Runtime nor training',
  async () => {
    folder = await makeFolder();
    const code = join(folder.path, 'code');
    const store = join(folder.path, 'store');
    const { stderr } = await run(process.execPath, [script, code]);
    const megabytes = Number(/: ([\d.]+) MB/.exec(stderr)?.[1]);
    expect(megabytes).toBeGreaterThan(5);
    expect(megabytes).toBeLessThan(30);
    const names = (await readdir(code, { recursive: true })).join('\n');
    expect(names).not.toMatch(/onnx|training|classifier|protoc/);

    await relearnJson('init', '--labels', 'cat,dog', '--store', store);
    const port = await freePort('0.0.0.0');
    const child = spawn('./bootstrap', {
      cwd: code,
      detached: true,
      stdio: 'ignore',
      env: {
        PATH: `${join(process.execPath, '..')}:${process.env.PATH}`,
        RELEARN_STORE: store,
        RELEARN_ANONYMOUS: 'feedback',
        FC_FUNCTION_NAME: 'relearn-feedback',
        FC_INSTANCE_ID: 'c-1',
        FC_SERVER_PORT: String(port),
      },
    });
    group = child.pid;
    const url = `http://127.0.0.1:${port}`;
    await until('the function', async () =>
      fetch(`${url}/healthz`).then(
        ({ ok }) => ok || undefined,
        () => undefined,
      ),
    );
    const send = async (label: 'cat' | 'dog') => {
      const picture = dataUrl(await makePicture(label, 1));
      const body = JSON.stringify({ picture, target: label });
      const headers = { 'content-type': 'text/plain' };
      const answer = await fetch(`${url}/callback`, { method: 'POST', headers, body });
      return (await answer.json()) as { status: string; id: string };
    };
    const receipt = await send('cat');
    expect(receipt).toMatchObject({ result: true, status: 'accepted' });
    expect(await readdir(join(store, 'feedback/cat'))).toEqual([receipt.id]);
    expect(await send('cat')).toMatchObject({ status: 'duplicate' });

    // Everything that was ever mapped: sharp's native code is there, the engine's is not.
    const maps = await readFile(`/proc/${child.pid}/maps`, 'utf8');
    expect(maps).toContain('libvips');
    expect(maps).not.toMatch(/onnxruntime/);
    expect((await fetch(`${url}/predict`, { method: 'POST' })).status).toBe(404);
  },
);
