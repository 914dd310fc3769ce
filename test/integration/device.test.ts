/** `relearn train --device webgpu`: trains with and without a GPU, and says what to do where it dies. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TrainReport } from '../../src/records/reports.ts';
import { makeFolder, writePictures } from './pictures.ts';
import { endAll, findTrainingChild, relearn, relearnError, start, until } from './program.ts';

let folder: Awaited<ReturnType<typeof makeFolder>>;
let store: string;

beforeAll(async () => {
  folder = await makeFolder();
  store = join(folder.path, 'store');
  await relearn('init', '--store', store, '--labels', 'cat,dog', '--image-size', '32');
  const pictures = await writePictures(join(folder.path, 'base'), 0, 29);
  await relearn('import', pictures, '--store', store);
});

afterAll(async () => {
  await endAll();
  await folder.remove();
});

test('trains, and says in one line where', async () => {
  const { code, stdout, stderr } = await relearn(
    ...['train', '--device', 'webgpu', '--rounds', '1', '--steps', '2', '--json'],
    ...['--store', store],
  );
  expect(code).toBe(0);
  expect((JSON.parse(stdout) as TrainReport).version).toBe(1);
  const said = stderr.split('\n').filter((line) => line.startsWith('device: '));
  expect(said.at(-1)).toMatch(
    /^device: (webgpu is not available here: .+; training on the cpu|\d+ nodes on webgpu, .+)$/,
  );
});

test('an unknown device is wrong usage', async () => {
  expect(await relearnError('train', '--device', 'tpu', '--store', store)).toMatchObject({
    exitCode: 2,
    code: 'invalid_option_value',
  });
});

test('where the device takes the training process with it, the cure is named', async () => {
  const training = start(
    // From scratch: a race against the champion would come first, for a twelfth of the rounds.
    ...['train', '--device', 'webgpu', '--from', 'scratch', '--rounds', '500'],
    ...['--json', '--store', store],
  );
  const child = await until('the training process', () =>
    findTrainingChild(training.child.pid as number),
  );
  await until('the device', async () => /^device: /m.test(training.log()) || undefined);
  process.kill(child, 'SIGSEGV');
  const { code, stdout } = await training.ended;
  expect(code).toBe(1);
  const { error } = JSON.parse(stdout);
  expect(error.code).toBe('training_crashed');
  expect(error.message).toContain('SIGSEGV');
  expect(error.hint).toContain('relearn train --device cpu');
});
