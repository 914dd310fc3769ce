/** The same seed and the same pictures make the same model, byte for byte. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TrainReport } from '../../src/records/reports.ts';
import { makeFolder, writePictures } from './pictures.ts';
import { endAll, relearnJson } from './program.ts';

let folder: Awaited<ReturnType<typeof makeFolder>>;

beforeAll(async () => {
  folder = await makeFolder();
  await writePictures(join(folder.path, 'base'), 0, 39);
});

afterAll(async () => {
  await endAll();
  await folder.remove();
});

/** Trains in a store of its own and gives the model's bytes. */
const trainOnce = async (name: string, seed: string): Promise<Buffer> => {
  const store = join(folder.path, name);
  const file = join(folder.path, `${name}.onnx`);
  await relearnJson('init', '--store', store, '--labels', 'cat,dog', '--image-size', '32');
  await relearnJson('import', join(folder.path, 'base'), '--store', store);
  const { version } = await relearnJson<TrainReport>(
    ...['train', '--store', store, '--rounds', '2', '--steps', '4', '--seed', seed],
  );
  const wanted = ['models', 'export', String(version), '--format', 'onnx', '--out', file];
  await relearnJson(...wanted, '--store', store);
  return readFile(file);
};

test('same seed, same weights; another seed, others', async () => {
  const first = await trainOnce('first', '3');
  const second = await trainOnce('second', '3');
  const third = await trainOnce('third', '4');
  expect(second.equals(first)).toBe(true);
  expect(third.equals(first)).toBe(false);
});
