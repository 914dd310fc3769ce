/** Training sets that nothing good can be learnt from: a clear error or a sensible training, and nothing lost. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeJpeg } from '../../src/data/decode-image.ts';
import type { ImportReport, StatusReport, TrainReport } from '../../src/records/reports.ts';
import { makeFolder, makePicture, writePictures } from './pictures.ts';
import { endAll, relearnError, relearnJson } from './program.ts';

let folder: Awaited<ReturnType<typeof makeFolder>>;
let stores = 0;

beforeAll(async () => {
  folder = await makeFolder();
});

afterAll(async () => {
  await endAll();
  await folder.remove();
});

/** A store of its own with the pictures that `write` puts into a folder. */
const storeWith = async (
  write: (directory: string) => Promise<unknown>,
  ...settings: readonly string[]
) => {
  const place = join(folder.path, String(stores++));
  const pictures = join(place, 'pictures');
  const store = join(place, 'store');
  await mkdir(pictures, { recursive: true });
  await write(pictures);
  await relearnJson(
    ...['init', '--store', store, '--labels', 'cat,dog', '--image-size', '32', ...settings],
  );
  const imported = await relearnJson<ImportReport>('import', pictures, '--store', store);
  return { store, imported };
};

const train = (store: string, ...options: readonly string[]) =>
  relearnJson<TrainReport>('train', '--store', store, ...options);

test('one class alone is no task', async () => {
  const { store } = await storeWith(async (directory) => {
    for (let id = 0; id < 20; id++)
      await writeFile(join(directory, `cat.${id}.jpg`), await makePicture('cat', id));
  });
  expect(await relearnError('train', '--store', store)).toMatchObject({
    exitCode: 1,
    code: 'label_without_pictures',
    message: 'There are no training pictures of dog.',
  });
  const status = await relearnJson<StatusReport>('status', '--store', store);
  expect(status).toMatchObject({ champion: null, training: null, resumable: null });
});

test('a class whose pictures are all held back is told where they are', async () => {
  const { store, imported } = await storeWith(async (directory) => {
    for (let id = 0; id < 40; id++)
      await writeFile(join(directory, `cat.${id}.jpg`), await makePicture('cat', id));
  });
  expect(imported.perLabel.dog).toEqual({ train: 0, validation: 0, holdout: 0 });
  const more = join(folder.path, 'held-back');
  await mkdir(more);
  await writeFile(join(more, 'dog.1.jpg'), await makePicture('dog', 1));
  await relearnJson('import', more, '--role', 'holdout', '--store', store);
  expect(await relearnError('train', '--store', store)).toMatchObject({
    code: 'label_without_pictures',
    message:
      'There are no training pictures of dog: 1 picture of dog is held back to judge models (1 in the holdout).',
    hint: expect.stringContaining('Import more'),
  });
});

test('one picture is one class', async () => {
  const { store } = await storeWith(
    async (directory) => writeFile(join(directory, 'cat.1.jpg'), await makePicture('cat', 1)),
    ...['--holdout', '0.01', '--validation', '0.01'],
  );
  expect(await relearnError('train', '--store', store)).toMatchObject({
    exitCode: 1,
    code: 'label_without_pictures',
  });
});

test('one picture of each class, fewer than a batch, and none to validate on: it trains', async () => {
  const { store, imported } = await storeWith(
    (directory) => writePictures(directory, 1, 1),
    ...['--holdout', '0.01', '--validation', '0.01'],
  );
  expect(imported.perLabel).toEqual({
    cat: { train: 1, validation: 0, holdout: 0 },
    dog: { train: 1, validation: 0, holdout: 0 },
  });
  const report = await train(store, '--batch-size', '16', '--rounds', '2');
  expect(report).toMatchObject({ version: 1, rounds: 2, steps: 40, gate: { verdict: 'first' } });
  expect(report.holdout.n).toBe(0);
});

test('the smallest pictures that may be asked for train too', async () => {
  const { store } = await storeWith(
    (directory) => writePictures(directory, 0, 19),
    ...['--image-size', '16'],
  );
  expect(await train(store, '--rounds', '1')).toMatchObject({ version: 1, rounds: 1 });
});

test('pictures that are all alike make a model that knows one class, and the gate says so', async () => {
  const { store } = await storeWith(
    async (directory) => {
      for (let id = 0; id < 80; id++) {
        const data = new Uint8Array(40 * 40 * 3).fill(128);
        // Another file, but the same picture to the eye.
        data.fill(130, id * 40, id * 40 + 40);
        const bytes = await encodeJpeg({ width: 40, height: 40, channels: 3, data });
        await writeFile(join(directory, `${id % 2 ? 'cat' : 'dog'}.${id}.jpg`), bytes);
      }
    },
    ...['--holdout', '0.5'],
  );
  const { holdout, gate } = await train(store, '--rounds', '2');
  expect(holdout.n).toBeGreaterThan(20);
  expect(gate.reasons).toEqual([expect.stringMatching(/^collapsed: the candidate never predicts/)]);
});
