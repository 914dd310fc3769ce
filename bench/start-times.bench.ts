/**
 * How long does it take from the start of a process to its first answer: to feedback that is durable,
 * and to a prediction? The first request is sent as soon as the port takes connections, so it waits
 * for the store and the model. Each way in takes its turn in every repeat; the first repeat, which
 * warms the disk's cache, is not counted. With `--containers` the image of deploy/Dockerfile is built
 * and started too, beside a container that does nothing.
 *
 * npm run bench -- start-times [--repeats 15] [--containers]
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  buildRelearnImage,
  containerEnvironment,
  relearnImage,
  whyNoContainers,
} from '../test/container.ts';
import { freePort } from '../test/free-port.ts';
import { dataUrl, makePicture, writePictures } from '../test/integration/pictures.ts';
import { describeMachine, median } from './machine.ts';

const { values } = parseArgs({
  options: {
    repeats: { type: 'string', default: '15' },
    containers: { type: 'boolean', default: false },
  },
});
const repeats = Number(values.repeats);
let pictures = 10_000;
const built = (name: string) => fileURLToPath(new URL(`./${name}`, import.meta.url));

interface Way {
  /** Settings are given as variables. */
  readonly command: (settings: Readonly<Record<string, string>>) => readonly string[];
  readonly path: '/callback' | '/predict';
  /** Whom the store must belong to. */
  readonly owner: 'this user' | 'the image';
}
const processWay = (path: Way['path'], ...args: readonly string[]): Way => ({
  command: () => [process.execPath, ...args],
  path,
  owner: 'this user',
});
/** As the image's own user: what Node compiled is kept for that one alone. */
const container = ['podman', 'run', '--rm', '--network', 'host', '--no-healthcheck'];
const containerWay = (path: Way['path'], ...args: readonly string[]): Way => ({
  command: (settings) => [
    ...[...container, '--read-only', '--tmpfs', '/tmp'],
    ...Object.entries(settings).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...['--volume', `${settings.RELEARN_STORE}:${settings.RELEARN_STORE}`],
    ...['--entrypoint', JSON.stringify(['node', ...args]), relearnImage],
  ],
  path,
  owner: 'the image',
});
const plainCode = built('../deploy/feedback/index.js');

const ways: Record<string, Way> = {
  'feedback, its own function': processWay('/callback', built('functions-feedback.js')),
  'feedback, relearn serve': processWay(
    '/callback',
    built('cli.js'),
    'serve',
    '--functions',
    'feedback',
  ),
  'prediction, its own function': processWay('/predict', built('functions-predict.js')),
  'prediction, relearn serve': processWay('/predict', built('cli.js'), 'serve'),
};
if (existsSync(plainCode)) {
  ways['feedback, plain code without a container'] = processWay('/callback', plainCode);
} else console.log('skipped: plain code; npm run package:feedback makes it');
if (values.containers) {
  const obstacle = await whyNoContainers();
  if (obstacle) throw new Error(`No containers here: ${obstacle}`);
  await buildRelearnImage();
  ways['feedback, container'] = containerWay('/callback', '/app/dist/functions-feedback.js');
  ways['prediction, container'] = containerWay('/predict', '/app/dist/functions-predict.js');
}

/** Milliseconds that a container takes which only ends. */
const timeOfNothing = (): number => {
  const [program = '', ...args] = [...container, '--entrypoint', '/bin/true', relearnImage];
  const started = performance.now();
  const { status } = spawnSync(program, args, { env: containerEnvironment });
  if (status !== 0) throw new Error(`A container that does nothing ended with ${status}.`);
  return performance.now() - started;
};

/** Status of the answer; 0 while nobody takes connections. */
const ask = (port: number, method: string, path: string, body?: string): Promise<number> =>
  new Promise((resolve) => {
    const sent = http.request(
      { host: '127.0.0.1', port, method, path, headers: { 'content-type': 'text/plain' } },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
      },
    );
    sent.on('error', () => resolve(0));
    sent.end(body);
  });

interface Times {
  readonly first: number;
  readonly second: number;
}

const measure = async ({ command, path }: Way, store: string, body: string): Promise<Times> => {
  const port = await freePort();
  const settings = { RELEARN_STORE: store, RELEARN_HOST: '127.0.0.1', PORT: String(port) };
  const [program = '', ...args] = command(settings);
  const started = performance.now();
  const child = spawn(program, args, {
    stdio: 'ignore',
    env: { ...containerEnvironment, ...settings },
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    let status = 0;
    while (status === 0) {
      status = await ask(port, 'POST', path, body);
      if (child.exitCode !== null) throw new Error(`${args.join(' ')} ended`);
    }
    const first = performance.now() - started;
    if (status !== 200) throw new Error(`${path} answered ${status}`);
    const again = performance.now();
    await ask(port, 'POST', path, body);
    return { first, second: performance.now() - again };
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
};

const folder = mkdtempSync(join(tmpdir(), 'relearn-bench-'));
try {
  const store = join(folder, 'store');
  const relearn = (...args: string[]) =>
    execFileSync(process.execPath, [built('cli.js'), ...args, '--store', store, '--quiet']);
  relearn('init', '--labels', 'cat,dog');
  relearn('import', await writePictures(join(folder, 'pictures'), 0, 59));
  relearn('train', '--rounds', '1', '--steps', '1');

  const stores = { 'this user': store, 'the image': join(folder, 'store-of-the-image') };
  if (values.containers) {
    chmodSync(folder, 0o755);
    cpSync(store, stores['the image'], { recursive: true });
    execFileSync('chown', ['-R', '1000:1000', stores['the image']]);
  }

  const times = new Map<string, Times[]>(Object.keys(ways).map((name) => [name, []]));
  const nothing: number[] = [];
  for (let repeat = 0; repeat <= repeats; repeat++) {
    for (const [name, way] of Object.entries(ways)) {
      // Every piece of feedback is a new picture, so that it really is stored.
      const picture = dataUrl(await makePicture('cat', ++pictures));
      const body = way.path === '/predict' ? picture : JSON.stringify({ picture, target: 'cat' });
      const measured = await measure(way, stores[way.owner], body);
      if (repeat > 0) times.get(name)?.push(measured);
    }
    if (values.containers) nothing.push(timeOfNothing());
  }
  console.log(describeMachine());
  if (values.containers) {
    console.log(`a container that does nothing: median ${median(nothing).toFixed(0)} ms`);
  }
  for (const [name, all] of times) {
    const firsts = all.map(({ first }) => first).sort((a, b) => a - b);
    console.log(
      `${name}: process start to first answer, median of ${firsts.length} ${median(firsts).toFixed(0)} ms (${firsts[0]?.toFixed(0)} to ${firsts.at(-1)?.toFixed(0)}); the next ${median(all.map(({ second }) => second)).toFixed(1)} ms`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
