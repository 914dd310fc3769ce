/**
 * The article's loop on its real pictures, through the command line and over HTTP: import ids
 * 0–4999, train, serve, send ids 5000–8999 as feedback, wait for the trainings that the feedback
 * starts by itself. Prints each version on the same frozen holdout and the exact McNemar test of
 * the last champion against the first model.
 *
 * npm run bench -- dogs-vs-cats FOLDER [--architecture compact|article|FILE.onnx] [--store DIR]
 *   [--base-only] [--threshold N] [--port N] and, for the first training, [--seed N] [--rounds N]
 *   [--fine-tune BLOCKS] [--mirror], which later trainings inherit
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { ImportReport, StatusReport, TrainReport } from '../src/records/reports.ts';
import { describeMachine } from './machine.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    architecture: { type: 'string', default: 'compact' },
    store: { type: 'string' },
    'base-only': { type: 'boolean', default: false },
    threshold: { type: 'string', default: '1000' },
    port: { type: 'string', default: '18432' },
    seed: { type: 'string', default: '1' },
    rounds: { type: 'string' },
    'fine-tune': { type: 'string' },
    mirror: { type: 'boolean', default: false },
  },
});
const [pictures] = positionals;
if (!pictures || !existsSync(pictures)) {
  console.error(`skipped: no pictures at ${pictures ?? 'FOLDER (Kaggle names, ids 0–8999)'}`);
  process.exit(pictures ? 0 : 2);
}
const store = values.store ?? mkdtempSync(join(tmpdir(), 'relearn-bench-'));
const program = fileURLToPath(new URL('./cli.js', import.meta.url));
const url = `http://127.0.0.1:${values.port}`;

/** Runs one command and returns its JSON. */
const relearn = <T>(...argv: readonly string[]): Promise<T> =>
  new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [program, ...argv, '--store', store, '--json', '--quiet'],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.on('close', (code) =>
      code === 0 ? resolve(JSON.parse(output)) : reject(new Error(`relearn ${argv[0]}: ${output}`)),
    );
  });

const timed = async <T>(work: Promise<T>): Promise<readonly [T, string]> => {
  const started = performance.now();
  const result = await work;
  return [result, `${((performance.now() - started) / 1000).toFixed(0)} s`];
};

const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
const describeRun = (report: TrainReport): string => {
  const { holdout, gate } = report;
  const [low, high] = holdout.interval;
  const p = gate.pValue === null ? '' : `, p ${gate.pValue.toExponential(2)}`;
  return `version ${report.version}: ${percent(holdout.accuracy)} of ${holdout.n} (95 % interval ${percent(low)} to ${percent(high)}), ${gate.verdict}${p}; ${report.rounds} rounds, ${report.imagesPerSecond.toFixed(0)} pictures/s, ${report.seconds.toFixed(0)} s, ${report.stoppedBecause}`;
};

console.log(describeMachine());
await relearn(
  'init',
  '--labels',
  'cat,dog',
  '--architecture',
  values.architecture as string,
  '--threshold',
  values.threshold as string,
);
const [imported, importTime] = await timed(
  relearn<ImportReport>('import', pictures, '--ids', '0-4999'),
);
console.log(
  `import: ${imported.imported} pictures in ${importTime} (${imported.duplicates} duplicates, ${imported.rejected.length} rejected)`,
);
const asked = (['seed', 'rounds', 'fine-tune'] as const).flatMap((name) => {
  const value = values[name];
  return value === undefined ? [] : [`--${name}`, value];
});
if (values.mirror) asked.push('--mirror');
const first = await relearn<TrainReport>('train', ...asked);
console.log(describeRun(first));

if (!values['base-only']) {
  const server = spawn(
    process.execPath,
    [program, 'serve', '--store', store, '--port', values.port as string],
    { stdio: 'ignore' },
  );
  try {
    while (
      !(await fetch(`${url}/readyz`).then(
        (answer) => answer.ok,
        () => false,
      ))
    )
      await new Promise((resolve) => setTimeout(resolve, 100));
    const [sent, feedbackTime] = await timed(
      relearn<{ accepted: number; duplicates: number; rejected: number; failed: number }>(
        'feedback',
        pictures,
        '--url',
        url,
        '--ids',
        '5000-8999',
      ),
    );
    console.log(
      `feedback: ${sent.accepted} accepted, ${sent.duplicates} duplicates, ${sent.rejected} rejected, ${sent.failed} failed in ${feedbackTime}`,
    );
    // A training that feedback starts has begun within the quiet time; wait until none is running.
    let shown = first.version;
    let slowest = 0;
    for (let idle = 0; idle < 20; ) {
      const started = performance.now();
      await fetch(`${url}/healthz`);
      slowest = Math.max(slowest, performance.now() - started);
      const status = (await (await fetch(`${url}/api/status`)).json()) as StatusReport;
      idle = status.training === null ? idle + 1 : 0;
      if (status.lastRun && status.lastRun.version > shown) {
        shown = status.lastRun.version;
        console.log(describeRun(status.lastRun));
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    console.log(`slowest health check while training: ${slowest.toFixed(0)} ms`);
  } finally {
    server.kill('SIGTERM');
  }
}
console.log(`store: ${store}`);
