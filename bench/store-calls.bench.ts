/**
 * What does an event below the threshold cost a process that has just started, and how long does
 * `relearn status` take, with few and with many pieces of feedback in the store? Requests are
 * counted by a small S3 on loopback; the time is that of the program on a local folder.
 *
 * npm run bench -- store-calls [--items 1000,100000] [--threshold 1000]
 */
import { execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createRelearn, initStore } from '../src/loop/relearn.ts';
import { feedbackKey } from '../src/records/keys.ts';
import { startBucketServer } from '../test/bucket-server/bucket-server.ts';
import { s3Rules } from '../test/bucket-server/s3-rules.ts';
import { describeMachine, median } from './machine.ts';

const { values } = parseArgs({
  options: {
    items: { type: 'string', default: '1000,100000' },
    threshold: { type: 'string', default: '1000' },
  },
});
const threshold = Number(values.threshold);
const sizes = values.items.split(',').map(Number);
const env = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' };
const program = fileURLToPath(new URL('./cli.js', import.meta.url));

/** Almost all of one label; the other stays below the threshold. */
const keyOf = (item: number): string =>
  feedbackKey(
    item % 1000 === 0 ? 'dog' : 'cat',
    createHash('sha256').update(`${item}`).digest('hex'),
  );

const countRequests = async (items: number): Promise<Record<string, number>> => {
  const server = await startBucketServer(s3Rules());
  const store = `s3://bench?endpoint=${server.url}`;
  await initStore({ store, env, labels: ['cat', 'dog'], threshold });
  for (let item = 0; item < items; item++) {
    const found = { bytes: Buffer.from('x'), headers: {}, modifiedAt: 0 };
    server.buckets.get('bench')?.objects.set(keyOf(item), found);
  }
  const counted = async (look: () => Promise<unknown>) => {
    server.requests.length = 0;
    await look();
    return server.requests.length;
  };
  const event = await counted(async () => {
    const relearn = await createRelearn({ store, env, newId: randomUUID });
    const report = await relearn.considerTraining();
    if (report.result.trained) throw new Error('it trained');
    await relearn.close();
  });
  const relearn = await createRelearn({ store, env });
  await relearn.considerTraining();
  const nextEvent = await counted(() => relearn.considerTraining());
  await relearn.close();
  await server.close();
  return { event, nextEvent };
};

const timeStatus = (items: number): number => {
  const folder = mkdtempSync(join(tmpdir(), 'relearn-bench-'));
  const relearn = (...args: string[]) =>
    execFileSync(process.execPath, [program, ...args, '--store', folder, '--json']);
  relearn('init', '--labels', 'cat,dog');
  for (const label of ['cat', 'dog'])
    mkdirSync(join(folder, 'feedback', label), { recursive: true });
  for (let item = 0; item < items; item++) writeFileSync(join(folder, keyOf(item)), 'x');
  const times = Array.from({ length: 5 }, () => {
    const started = performance.now();
    relearn('status');
    return (performance.now() - started) / 1000;
  });
  rmSync(folder, { recursive: true });
  return median(times);
};

console.log(describeMachine());
for (const items of sizes) {
  const { event, nextEvent } = await countRequests(items);
  console.log(
    `${items} items, threshold ${threshold}: ` +
      `an event costs a fresh process ${event} requests, a running one ${nextEvent}; ` +
      `status on a folder ${timeStatus(items).toFixed(2)} s`,
  );
}
