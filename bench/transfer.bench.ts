/**
 * With an imported network: how long from "enough feedback is there" to "the new version answers",
 * and what takes the time? Imports ids 0–4999 (or the first of each class), trains a first version,
 * serves, sends pictures from id 5000 on as feedback, and follows the server's own log.
 *
 * npm run bench -- transfer FOLDER FILE.onnx [--per-class 50] [--new 2000] [--seed 1]
 *
 * With --per-class only so many pictures of each class are trained on, and 2,000 others judge. (A
 * store keeps some share apart; the smallest takes none of them, or one.)
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { ModelsReport, PredictionReport, TrainReport } from '../src/records/reports.ts';
import { freePort } from '../test/free-port.ts';
import { makePicture } from '../test/integration/pictures.ts';
import { describeMachine } from './machine.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'per-class': { type: 'string' },
    new: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
  },
});
const [pictures, file] = positionals;
if (!pictures || !file || !existsSync(pictures) || !existsSync(file)) {
  console.error(`skipped: no pictures at ${pictures ?? 'FOLDER'}, or no network at ${file}`);
  process.exit(pictures && file ? 0 : 2);
}
const firstNew = 5000;
const newPerClass = Number(values.new) / 2;
const perClass = values['per-class'];
/** Some of the pictures are in the set twice, and a picture is feedback once. */
const threshold = Math.floor(0.99 * newPerClass);

const folder = mkdtempSync(join(tmpdir(), 'relearn-bench-'));
const store = join(folder, 'store');
const program = fileURLToPath(new URL('./cli.js', import.meta.url));
const relearn = <T>(...argv: readonly string[]): T =>
  JSON.parse(
    execFileSync(process.execPath, [program, ...argv, '--store', store, '--json', '--quiet'], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  ) as T;
const ids = (from: number, count: number) => ['--ids', `${from}-${from + count - 1}`];

const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
const describeRun = ({ version, holdout, gate, seconds }: TrainReport): string => {
  const [low, high] = holdout.interval;
  return `version ${version}: ${percent(holdout.accuracy)} of ${holdout.n} (95 % interval ${percent(low)} to ${percent(high)}), ${gate.verdict}; trained in ${seconds.toFixed(1)} s`;
};

interface LogLine {
  readonly time: string;
  readonly msg: string;
}

/** Starts the server; its log is kept, and each line can be waited for. */
const startServer = (port: number) => {
  const child = spawn(process.execPath, [program, 'serve', '--store', store, '--port', `${port}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const log: LogLine[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.startsWith('{')) log.push(JSON.parse(line) as LogLine);
  });
  const logged = async (isIt: (line: LogLine) => boolean): Promise<LogLine> => {
    for (;;) {
      const found = log.find(isIt);
      if (found) return found;
      if (child.exitCode !== null) throw new Error('the server has ended');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  return { log, logged, stop };
};

/** @returns when `/predict` first answered with this version, in milliseconds since 1970 */
const answersWith = async (url: string, version: number): Promise<number> => {
  const picture = await makePicture('cat', 1);
  for (;;) {
    const answer = await fetch(`${url}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'image/jpeg' },
      body: new Uint8Array(picture),
    }).catch(() => undefined);
    if (answer?.ok && ((await answer.json()) as PredictionReport).version === version)
      return Date.now();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

try {
  console.log(describeMachine());
  const alone = perClass ? ['--holdout', '0.0001', '--validation', '0.0001'] : [];
  relearn(
    'init',
    '--labels',
    'cat,dog',
    '--architecture',
    file,
    '--threshold',
    `${threshold}`,
    ...alone,
  );
  relearn('import', pictures, ...ids(0, Number(perClass ?? firstNew)));
  // Ids that are trained on nowhere in this benchmark.
  if (perClass) relearn('import', pictures, '--role', 'holdout', ...ids(1000, 1000));
  console.log(describeRun(relearn<TrainReport>('train', '--seed', values.seed)));

  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = startServer(port);
  try {
    await answersWith(url, 1);
    relearn('feedback', pictures, '--url', url, ...ids(firstNew, newPerClass));
    const started = await server.logged(({ msg }) => msg === 'Training started.');
    await server.logged(({ msg }) => msg === 'relearn training result');
    const { champion } = relearn<ModelsReport>('models');
    // Where the new pictures are too few to prove a gain, somebody puts the version live by hand.
    if (champion !== 2) relearn('models', 'promote', '2');
    const live = await answersWith(url, 2);

    const begun = Date.parse(started.time);
    let before = begun;
    for (const { time, msg } of server.log) {
      const at = Date.parse(time);
      // Every request is logged too, with these words.
      if (at < begun || msg === 'answered') continue;
      console.log(
        `${((at - begun) / 1000).toFixed(2).padStart(7)} s  (+ ${((at - before) / 1000).toFixed(2)})  ${msg}`,
      );
      before = at;
    }
    console.log(
      `from the training's start to /predict answering with version 2${champion === 2 ? '' : ', promoted by hand'}: ${((live - begun) / 1000).toFixed(1)} s`,
    );
  } finally {
    await server.stop();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
