/**
 * A training that started by itself and is killed again and again with its host: the next process
 * goes on with it from its last checkpoint, and in the end its version is there and nothing is lost.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import type { VersionDetails } from '../../src/loop/relearn-api.ts';
import type { CheckReport, ModelsReport, StatusReport } from '../../src/records/reports.ts';
import { createFunctionCompute } from '../fc-sim/function-compute.ts';
import { readFunctions } from '../fc-sim/read-functions.ts';
import { makeFolder, writePictures } from './pictures.ts';
import { endAll, findTrainingChild, relearnJson, type Server, serve, until } from './program.ts';

const threshold = 12;
let folder: Awaited<ReturnType<typeof makeFolder>>;
let store: string;
let stores = 0;

beforeAll(async () => {
  folder = await makeFolder();
  await writePictures(join(folder.path, 'base'), 0, 59);
  await writePictures(join(folder.path, 'feedback'), 1_000, 1_000 + threshold - 1);
  await writePictures(join(folder.path, 'late'), 2_000, 2_000);
});
/** A store whose first version knows next to nothing, with enough feedback for a training. */
beforeEach(async () => {
  store = join(folder.path, `store-${++stores}`);
  const settings = ['--labels', 'cat,dog', '--image-size', '32', '--holdout', '0.4'];
  await relearnJson('init', ...settings, '--threshold', `${threshold}`, '--store', store);
  await relearnJson('import', join(folder.path, 'base'), '--store', store);
  const briefly = ['--rounds', '1', '--steps', '1', '--learning-rate', '0.000001'];
  await relearnJson('train', ...briefly, '--store', store);
  await feed('feedback');
});
afterEach(endAll);
afterAll(() => folder.remove());

const feed = (name: string) =>
  relearnJson('import', join(folder.path, name), '--role', 'feedback', '--store', store);
const status = () => relearnJson<StatusReport>('status', '--store', store);

const hasCheckpoint = (log: string): boolean => log.includes('checkpoint after step');
const roundsGoneOnFrom = (log: string): number[] =>
  [...log.matchAll(/Training resumed after round (\d+)\./g)].map(([, round]) => Number(round));

const killWithChild = async ({ child, ended }: Server): Promise<void> => {
  const training = await findTrainingChild(child.pid as number);
  child.kill('SIGKILL');
  if (training) process.kill(training, 'SIGKILL');
  await ended;
};

/** One training made version 2, better than the first, of the feedback that waited when it began. */
const expectOneTraining = async (): Promise<void> => {
  await until('the better version', async () => {
    const { champion } = await relearnJson<ModelsReport>('models', '--store', store);
    return champion === 2 ? true : undefined;
  });
  await until('the end of the training', async () =>
    (await status()).training === null ? true : undefined,
  );
  const { metrics } = await relearnJson<VersionDetails>('models', 'show', '2', '--store', store);
  expect(metrics.accuracy).toBeGreaterThan(0.9);
  expect(await status()).toMatchObject({ pending: { cat: 1, dog: 1 }, resumable: null });
  expect(await readdir(join(store, 'runs'))).toHaveLength(2);
  expect(await relearnJson<CheckReport>('fsck', '--store', store)).toMatchObject({ ok: true });
};

test('a server that is killed in the middle of a training goes on with it when it starts again', async () => {
  const first = await serve(store);
  await until('a checkpoint', async () => (hasCheckpoint(first.log()) ? true : undefined));
  await killWithChild(first);
  await feed('late');

  const second = await serve(store);
  await expectOneTraining();
  const [round = 0, ...further] = roundsGoneOnFrom(second.log());
  expect(round).toBeGreaterThan(0);
  expect(further).toEqual([]);
});

test('a function whose time ends in the middle of a training finishes it call by call', async () => {
  const { train } = readFunctions();
  if (!train) throw new Error('deploy/s.yaml has no function train.');
  const fc = createFunctionCompute({
    functions: { train: { ...train, environmentVariables: { RELEARN_STORE: store } } },
    random: createRandom(1),
    chaos: { kill: {}, duplicate: 0, lose: 0, delay: 0 },
    newCredentials: () => ({ accessKeyId: 'none', secretAccessKey: 'none' }),
    idle: 600_000,
  });
  try {
    // One event, which the host brings again after each call whose instance it had to kill.
    fc.event('train', '{"triggerName":"sweep"}');
    for (let call = 1; call <= 2; call++) {
      const instance = await until('a checkpoint', async () =>
        fc.instances('train').find((one) => hasCheckpoint(one.output())),
      );
      instance.kill();
    }
    await feed('late');
    await fc.settled();
    await expectOneTraining();
    const [second = 0, third = 0, ...further] = roundsGoneOnFrom(fc.output());
    expect(second).toBeGreaterThan(0);
    expect(third).toBeGreaterThan(second);
    expect(further).toEqual([]);
    expect(fc.counts).toMatchObject({ started: 3, failedEventCalls: 2, eventsGivenUp: 0 });
  } finally {
    await fc.close();
  }
});
