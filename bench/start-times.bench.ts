/**
 * How long does it take from the start of a process to its first answer: to feedback that is durable,
 * and to a prediction? The first request is sent as soon as the port takes connections, so it waits
 * for the store and the model. Each way in takes its turn in every repeat; the first repeat, which
 * warms the disk's cache, is not counted.
 *
 * npm run bench -- start-times [--repeats 15]
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freePort } from '../test/free-port.ts';
import { dataUrl, makePicture, writePictures } from '../test/integration/pictures.ts';
import { describeMachine, median } from './machine.ts';

const { values } = parseArgs({ options: { repeats: { type: 'string', default: '15' } } });
const repeats = Number(values.repeats);
let pictures = 10_000;
const built = (name: string) => fileURLToPath(new URL(`./${name}`, import.meta.url));

interface Way {
  readonly args: readonly string[];
  readonly path: '/callback' | '/predict';
}
const ways: Readonly<Record<string, Way>> = {
  'feedback, its own function': { args: [built('functions-feedback.js')], path: '/callback' },
  'feedback, plain code without a container': {
    args: [built('../deploy/feedback/index.js')],
    path: '/callback',
  },
  'feedback, relearn serve': {
    args: [built('cli.js'), 'serve', '--functions', 'feedback'],
    path: '/callback',
  },
  'prediction, its own function': { args: [built('functions-predict.js')], path: '/predict' },
  'prediction, relearn serve': { args: [built('cli.js'), 'serve'], path: '/predict' },
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

const measure = async ({ args, path }: Way, store: string, body: string): Promise<Times> => {
  const port = await freePort();
  const started = performance.now();
  const child = spawn(process.execPath, args, {
    stdio: 'ignore',
    env: { PATH: process.env.PATH, RELEARN_STORE: store, PORT: String(port) },
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

  const found = Object.entries(ways).filter(([name, { args }]) => {
    const isThere = existsSync(args[0] ?? '');
    if (!isThere) console.log(`skipped: ${name}; npm run package:feedback makes it`);
    return isThere;
  });
  const times = new Map<string, Times[]>(found.map(([name]) => [name, []]));
  for (let repeat = 0; repeat <= repeats; repeat++) {
    for (const [name, way] of found) {
      // Every piece of feedback is a new picture, so that it really is stored.
      const picture = dataUrl(await makePicture('cat', ++pictures));
      const body = way.path === '/predict' ? picture : JSON.stringify({ picture, target: 'cat' });
      const measured = await measure(way, store, body);
      if (repeat > 0) times.get(name)?.push(measured);
    }
  }
  console.log(describeMachine());
  for (const [name, all] of times) {
    const firsts = all.map(({ first }) => first).sort((a, b) => a - b);
    console.log(
      `${name}: process start to first answer, median of ${firsts.length} ${median(firsts).toFixed(0)} ms (${firsts[0]?.toFixed(0)} to ${firsts.at(-1)?.toFixed(0)}); the next ${median(all.map(({ second }) => second)).toFixed(1)} ms`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
