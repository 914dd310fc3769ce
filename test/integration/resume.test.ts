/** kill -9 in the middle of a training, then `relearn train --resume`: the same weights, bit for bit. */
import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import type { StatusReport, TrainReport } from '../../src/records/reports.ts';
import { makeFolder, writePictures } from './pictures.ts';
import {
  endAll,
  findTrainingChild,
  relearnError,
  relearnJson,
  sleep,
  start,
  until,
} from './program.ts';

// Fixed, so that a failure can be repeated; the machine's own timing varies the rest.
const random = createRandom(20_261_125);
const settings = [
  ...['--rounds', '12', '--steps', '6', '--patience', '12'],
  ...['--seed', '3', '--from', 'scratch'],
];
let folder: Awaited<ReturnType<typeof makeFolder>>;
let store: string;

beforeAll(async () => {
  folder = await makeFolder();
  store = join(folder.path, 'store');
  await relearnJson(
    ...['init', '--store', store, '--labels', 'cat,dog', '--image-size', '32', '--holdout', '0.3'],
  );
  await relearnJson(
    'import',
    await writePictures(join(folder.path, 'base'), 0, 59),
    '--store',
    store,
  );
});

afterAll(async () => {
  await endAll();
  await folder.remove();
});

const modelHash = async (at: string, version: number): Promise<string> => {
  const shown = await relearnJson<{ model: { sha256: string } }>(
    ...['models', 'show', String(version), '--store', at],
  );
  return shown.model.sha256;
};

const status = (at: string) => relearnJson<StatusReport>('status', '--store', at);

/** Kills a training once it has kept a state, at a moment that chance decides. */
const interrupt = async (at: string, signal: 'SIGKILL' | 'SIGINT' | 'SIGTERM'): Promise<void> => {
  const training = start('train', '--store', at, ...settings);
  const child = await until('the training process', () =>
    findTrainingChild(training.child.pid as number),
  );
  await until('a checkpoint', async () => {
    const runs = await readdir(join(at, 'runs'), { recursive: true }).catch(() => []);
    return runs.some((name) => name.endsWith('checkpoint.json')) ? true : undefined;
  });
  await sleep(random.integer(400));
  if (signal === 'SIGKILL') process.kill(child, 'SIGKILL');
  training.child.kill(signal);
  await training.ended;
};

test('an interrupted training goes on where it was and ends in the same model', async () => {
  const whole = join(folder.path, 'whole');
  await cp(store, whole, { recursive: true });
  const { version } = await relearnJson<TrainReport>('train', '--store', whole, ...settings);
  const expected = await modelHash(whole, version);

  for (const signal of ['SIGKILL', 'SIGINT', 'SIGTERM'] as const) {
    const cut = join(folder.path, signal.toLowerCase());
    await cp(store, cut, { recursive: true });
    await interrupt(cut, signal);
    const { resumable, training } = await status(cut);
    expect(training).toBeNull();
    expect(resumable?.step).toBeGreaterThan(0);
    const resumed = await relearnJson<TrainReport>('train', '--resume', '--store', cut);
    expect(resumed).toMatchObject({ version: 1, rounds: 12, steps: 72 });
    expect(await modelHash(cut, 1)).toBe(expected);
    expect((await status(cut)).resumable).toBeNull();
  }
});

test('what cannot be resumed is refused with its cure', async () => {
  expect(await relearnError('train', '--resume', '--store', store)).toMatchObject({
    exitCode: 1,
    code: 'nothing_to_resume',
  });
  const cut = join(folder.path, 'changed');
  await cp(store, cut, { recursive: true });
  await interrupt(cut, 'SIGKILL');
  expect(await relearnError('train', '--resume', '--seed', '4', '--store', cut)).toMatchObject({
    exitCode: 2,
    code: 'resume_mismatch',
  });
});

test('a learning rate that diverges is told with its numbers, and nothing is lost', async () => {
  const error = await relearnError('train', '--store', store, '--learning-rate', '1000');
  expect(error).toMatchObject({ exitCode: 1, code: 'training_diverged' });
  expect(error.message).toMatch(/tenth of the rate/);
  expect(await status(store)).toMatchObject({ champion: null, training: null, resumable: null });
});
