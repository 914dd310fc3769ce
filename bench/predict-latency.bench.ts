/**
 * How long does one warm `POST /predict` take, and do health checks answer while a training runs?
 * Starts `relearn serve` on the store, sends pictures of 200×200 JPEG one after another.
 *
 * npm run bench -- predict-latency STORE PICTURE… [--requests 300]
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine, median } from './machine.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    requests: { type: 'string', default: '300' },
    port: { type: 'string', default: '18431' },
  },
});
const [store, ...paths] = positionals;
if (!store || paths.length === 0) {
  console.error('usage: npm run bench -- predict-latency STORE PICTURE… [--requests 300]');
  process.exit(2);
}
const pictures = paths.map((path) => readFileSync(path));
const url = `http://127.0.0.1:${values.port}`;
const program = fileURLToPath(new URL('./cli.js', import.meta.url));
const server = spawn(
  process.execPath,
  [program, 'serve', '--store', store, '--port', values.port as string, '--functions', 'predict'],
  { stdio: 'ignore' },
);

const timed = async (send: () => Promise<Response>): Promise<number> => {
  const started = performance.now();
  const response = await send();
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  return performance.now() - started;
};

const untilReady = async (): Promise<void> => {
  for (let attempt = 0; attempt < 200; attempt++) {
    const ready = await fetch(`${url}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the server did not become ready in 10 s');
};

const predict = (index: number) =>
  fetch(`${url}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg' },
    body: pictures[index % pictures.length] as Buffer<ArrayBuffer>,
  });

try {
  await untilReady();
  for (let i = 0; i < 30; i++) await timed(() => predict(i));
  const times: number[] = [];
  for (let i = 0; i < Number(values.requests); i++) times.push(await timed(() => predict(i)));
  times.sort((a, b) => a - b);
  const quantile = (share: number) =>
    (times[Math.floor(share * (times.length - 1))] ?? 0).toFixed(1);
  console.log(describeMachine());
  console.log(
    `POST /predict, warm, one at a time, ${times.length} requests: median ${median(times).toFixed(1)} ms, p95 ${quantile(0.95)} ms, p99 ${quantile(0.99)} ms`,
  );
} finally {
  server.kill('SIGTERM');
}
