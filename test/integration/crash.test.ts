/** kill -9 at any moment of a training: no feedback lost, no half model, and the next one completes. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sha256 } from '../../src/base/hash.ts';
import { createRandom } from '../../src/base/random.ts';
import type { ModelsReport, StatusReport } from '../../src/records/reports.ts';
import { makeFolder, writePictures } from './pictures.ts';
import {
  endAll,
  findTrainingChild,
  relearn,
  relearnJson,
  serve,
  sleep,
  start,
  until,
} from './program.ts';

const threshold = 10;
// Fixed, so that a failure can be repeated; the machine's own timing varies the rest.
const random = createRandom(20_261_123);
let folder: Awaited<ReturnType<typeof makeFolder>>;
let store: string;
let nextPicture = 1_000;
let sentFeedback = 0;

beforeAll(async () => {
  folder = await makeFolder();
  store = join(folder.path, 'store');
  await relearnJson(
    ...['init', '--store', store, '--labels', 'cat,dog', '--image-size', '32'],
    ...['--threshold', String(threshold), '--holdout', '0.3'],
  );
  const base = await writePictures(join(folder.path, 'base'), 0, 59);
  await relearnJson('import', base, '--store', store);
  await relearnJson('train', '--store', store, '--rounds', '1', '--steps', '2');
});

afterAll(async () => {
  await endAll();
  await folder.remove();
});

const addFeedback = async () => {
  const name = join(folder.path, `feedback-${nextPicture}`);
  const last = nextPicture + threshold - 1;
  const pictures = await writePictures(name, nextPicture, last);
  nextPicture = last + 1;
  const report = await relearnJson<{ imported: number }>(
    ...['import', pictures, '--role', 'feedback', '--store', store],
  );
  expect(report.imported).toBe(2 * threshold);
  sentFeedback += report.imported;
};

const filesIn = async (path: string): Promise<string[]> =>
  (await readdir(join(store, path), { recursive: true, withFileTypes: true }).catch(() => []))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** What must hold after every crash, before anything repairs it. */
const expectNothingLost = async () => {
  const items = [...(await filesIn('feedback')), ...(await filesIn('archive'))];
  const hashes = new Set(items.map((file) => file.slice(file.lastIndexOf('/') + 1)));
  expect(hashes.size).toBe(sentFeedback);
  for (const file of await filesIn('models')) {
    if (!file.endsWith('.onnx')) continue;
    expect(file.split('/').at(-2)).toBe(sha256(await readFile(file)));
  }
  const status = await relearnJson<StatusReport>('status', '--store', store);
  expect(status.champion).not.toBeNull();
};

const versions = async () =>
  (await relearnJson<ModelsReport>('models', '--store', store)).versions.length;

test('the training process dies at a random moment; the command says so', async () => {
  await addFeedback();
  const before = await versions();
  const training = start('train', '--store', store);
  const pid = training.child.pid as number;
  const child = await until('the training process', () => findTrainingChild(pid));
  await sleep(random.integer(2_000));
  try {
    process.kill(child, 'SIGKILL');
  } catch {
    // It was faster. Then the training has simply succeeded.
  }
  const { code, stderr } = await training.ended;
  await expectNothingLost();
  if (code === 0) {
    expect(await versions()).toBe(before + 1);
  } else {
    expect(code).toBe(1);
    expect(stderr).toContain('training process ended early');
    expect(await versions()).toBe(before);
  }
});

const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};

test('the server dies at random moments of trainings; the next one completes the work', async () => {
  for (let round = 0; round < 3; round++) {
    const { pending } = await relearnJson<StatusReport>('status', '--store', store);
    if (Object.values(pending).some((count) => count < threshold)) await addFeedback();
    const server = await serve(store);
    const parent = server.child.pid as number;
    // The server looks at the store when it starts: what the dead one left is enough.
    const child = await until('the training process', () => findTrainingChild(parent));
    await sleep(random.integer(1_500));
    server.child.kill('SIGKILL');
    await server.ended;
    await until('the orphan to end', async () => (isGone(child) ? true : undefined));
    await expectNothingLost();
  }
  await addFeedback();
  const before = await versions();
  const server = await serve(store);
  // What was cut off goes on with what it had; what came since waits for the training after it.
  await until('all feedback to be learnt', async () => {
    const { pending, training } = await relearnJson<StatusReport>('status', '--store', store);
    return training === null && Object.values(pending).every((n) => n === 0) ? true : undefined;
  });
  expect(await versions()).toBeGreaterThan(before);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  server.child.kill('SIGTERM');
  await server.ended;
  await expectNothingLost();
});

test('Ctrl-C ends a training at once and leaves the store free', async () => {
  const training = start('train', '--store', store);
  await until('the training process', () => findTrainingChild(training.child.pid as number));
  training.child.kill('SIGINT');
  expect((await training.ended).code).toBe(130);
  await expectNothingLost();
  const next = await relearn('train', '--store', store, '--rounds', '1', '--steps', '1');
  expect(next.stderr).not.toContain('already');
  expect(next.code).toBe(0);
});
