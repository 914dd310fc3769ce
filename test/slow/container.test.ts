/**
 * The image of `deploy/Dockerfile`, built and run: what it weighs, as whom it runs, and the whole loop
 * of three containers over one folder, with a read-only root and no rights.
 */
import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  buildRelearnImage,
  imageSize,
  nodeImage,
  podman,
  relearnImage,
  whyNoContainers,
} from '../container.ts';
import { freePort } from '../free-port.ts';
import { dataUrl, makeFolder, makePicture, writePictures } from '../integration/pictures.ts';
import { until } from '../integration/program.ts';

const obstacle = await whyNoContainers();
if (obstacle) console.log(`skipped: containers, because ${obstacle}`);

const megabyte = 1_000_000;
const keys = 'tester:a-key-of-twenty-four-signs:predict+feedback+train+admin';
const authorization = `Bearer ${keys.split(':')[1]}`;

describe.skipIf(obstacle !== undefined)('the image', () => {
  let folder: Awaited<ReturnType<typeof makeFolder>>;
  const started = new Set<string>();

  beforeAll(async () => {
    folder = await makeFolder();
    await chown(folder.path, 1000, 1000);
    await buildRelearnImage();
  });
  afterAll(async () => {
    for (const container of started) await podman('rm', '--force', '--time', '0', container);
    await folder.remove();
  });

  /** As strict as a host may be: no rights, nothing to write to but `/tmp` and the mounted folder. */
  const strictly = () => [
    ...['--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL', '--network', 'host'],
    ...['--no-healthcheck', '--volume', `${folder.path}:/mnt/relearn`],
    ...['--env', 'RELEARN_STORE=/mnt/relearn/store', '--env', `RELEARN_KEYS=${keys}`],
  ];

  /** Runs one command of `relearn` in a container of its own. */
  const relearn = (...args: readonly string[]) =>
    podman('run', '--rm', ...strictly(), relearnImage, ...args);

  /** Starts a container that listens, and waits until it does. */
  const serve = async (options: readonly string[], ...command: readonly string[]) => {
    const port = await freePort();
    const env = ['--env', `PORT=${port}`];
    const container = await podman(
      ...['run', '--detach', ...strictly(), ...env, ...options, relearnImage, ...command],
    );
    started.add(container);
    const url = `http://127.0.0.1:${port}`;
    await until('the container to answer', async () => {
      const answer = await fetch(`${url}/healthz`).catch(() => undefined);
      if (!answer && (await podman('ps', '--quiet', '--filter', `id=${container}`)) === '')
        throw new Error(`It ended: ${await podman('logs', container)}`);
      return answer?.ok ? true : undefined;
    });
    return { container, url };
  };

  const ask = async (url: string, body: Uint8Array | string, type: string) => {
    const headers = { authorization, 'content-type': type };
    const answer = await fetch(url, { method: 'POST', headers, body: Buffer.from(body) });
    return { status: answer.status, body: JSON.parse(await answer.text()) };
  };
  const predict = async (url: string, label: 'cat' | 'dog') =>
    ask(`${url}/predict`, await makePicture(label, 501), 'image/jpeg');

  const asFunction = (name: string) => [
    '--entrypoint',
    `["node","/app/dist/functions-${name}.js"]`,
  ];

  it('adds less than 90 MB to Node', async () => {
    const added = (await imageSize(relearnImage)) - (await imageSize(nodeImage));
    console.log(`the image adds ${(added / megabyte).toFixed(1)} MB to Node`);
    expect(added).toBeLessThan(90 * megabyte);
    expect(added).toBeGreaterThan(30 * megabyte);
  });

  it('runs as user 1000 and holds no build tools', async () => {
    const look =
      'console.log(process.getuid(), fs.readdirSync("/app").join(), fs.existsSync("/src"))';
    const node = ['--entrypoint', '["node","-e"]'];
    const seen = await podman('run', '--rm', ...strictly(), ...node, relearnImage, look);
    expect(seen).toBe('1000 compiled,dist,node_modules,package.json false');
  });

  it('trains a first version from a mounted folder', async () => {
    await writePictures(join(folder.path, 'pictures'), 0, 39);
    await relearn('init', '--labels', 'cat,dog', '--image-size', '32', '--threshold', '4');
    await relearn('import', '/mnt/relearn/pictures');
    const trained = JSON.parse(await relearn('train', '--rounds', '2', '--seed', '1', '--json'));
    expect(trained).toMatchObject({ version: 1 });
  });

  it('plays the loop as three functions over one folder, and each ends when it is told to', async () => {
    const [predicts, feeds, trains] = await Promise.all([
      serve(asFunction('predict')),
      serve(asFunction('feedback')),
      serve(asFunction('train')),
    ]);
    expect(await predict(predicts.url, 'cat')).toMatchObject({ status: 200, body: { version: 1 } });

    for (let seed = 600; seed < 604; seed++) {
      for (const target of ['cat', 'dog'] as const) {
        const picture = dataUrl(await makePicture(target, seed));
        const body = JSON.stringify({ picture, target });
        const stored = await ask(`${feeds.url}/callback`, body, 'application/json');
        expect(stored.status).toBe(200);
      }
    }
    const training = await ask(`${trains.url}/invoke`, '', 'application/json');
    expect(training).toMatchObject({ status: 200, body: { result: { trained: true } } });

    for (const { container } of [predicts, feeds, trains]) {
      await podman('stop', '--time', '20', container);
      expect(await podman('inspect', '--format', '{{.State.ExitCode}}', container)).toBe('0');
    }
    const status = JSON.parse(await relearn('status', '--json'));
    expect(status).toMatchObject({ pending: { cat: 0, dog: 0 }, training: null });
    await expect(relearn('fsck')).resolves.toBeDefined();
  });

  it('serves a first model from a disk that can only be read, within 512 MB', async () => {
    const [other, onnx] = ['/mnt/relearn/other', '/mnt/relearn/first.onnx'];
    await relearn('models', 'export', '1', '--out', onnx);
    await relearn('init', '--labels', 'cat,dog', '--image-size', '32', '--store', other);
    const { url, container } = await serve(
      [
        ...['--memory', '512m', '--volume', `${folder.path}/first.onnx:/first.onnx:ro`],
        ...['--env', 'RELEARN_FIRST_MODEL=/first.onnx'],
        ...['--env', `RELEARN_STORE=${other}`],
      ],
      'serve',
    );
    expect(await predict(url, 'dog')).toMatchObject({ status: 200, body: { version: 1 } });
    const nobody = await fetch(`${url}/predict`, { method: 'POST', body: 'x' });
    expect(nobody.status).toBe(401);
    await podman('stop', '--time', '20', container);
    expect(await podman('inspect', '--format', '{{.State.ExitCode}}', container)).toBe('0');
  });
});
