import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sha256 } from '../../base/hash.ts';
import { createModelCache } from './model-cache.ts';

const model = Buffer.from('the model');
const ref = { key: 'models/x/model.onnx', sha256: sha256(model) };
let folder: string;
let reads: number;
let warnings: string[];
const cache = (path = folder) =>
  createModelCache({
    folder: path,
    readModel: async () => {
      reads++;
      return model;
    },
    log: (_, message) => warnings.push(message),
    newId: () => String(reads),
  });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relearn-cache-'));
  reads = 0;
  warnings = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('the second read, of any process, comes from the folder, in which no half file stays', async () => {
  expect(await cache()(ref)).toEqual(model);
  expect(await cache()(ref)).toEqual(model);
  expect({ reads, files: await readdir(folder), warnings }).toEqual({
    reads: 1,
    files: [`${ref.sha256}.onnx`],
    warnings: [],
  });
});

it('a damaged file is never handed out, and is replaced', async () => {
  const path = join(folder, `${ref.sha256}.onnx`);
  await writeFile(path, 'the mode');
  expect(await cache()(ref)).toEqual(model);
  expect(await readFile(path)).toEqual(model);
  expect({ reads, warnings }).toEqual({
    reads: 1,
    warnings: ['A damaged model in the cache folder is replaced.'],
  });
});

it('many at once on one folder all get the model', async () => {
  const read = await Promise.all(Array.from({ length: 8 }, () => cache()(ref)));
  expect(read.every((bytes) => sha256(bytes) === ref.sha256)).toBe(true);
  expect(await readdir(folder)).toEqual([`${ref.sha256}.onnx`]);
});

it('a place that can be no folder costs a warning and no answer', async () => {
  const file = join(folder, 'a-file');
  await writeFile(file, '');
  expect(await cache(join(file, 'below'))(ref)).toEqual(model);
  expect(warnings).toEqual(['A model could not be kept in the cache folder.']);
});
