import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRandom } from '../base/random.ts';
import { drawVariation, type Geometry, standardAugmentation } from './augmentation.ts';
import { type Augmenter, augmentHere, augmentInWorker } from './augmenter.ts';

const geometry: Geometry = {
  source: { width: 14, height: 14 },
  target: { width: 12, height: 12 },
  channels: 3,
};
const shared = new SharedArrayBuffer(14 * 14 * 3);
const random = createRandom(9);
const kept = new Uint8Array(shared).map(() => random.integer(256));
new Uint8Array(shared).set(kept);
const sources = [new Uint8Array(shared), Uint8Array.from(kept).reverse()];
const variations = sources.map(() => drawVariation(random, standardAugmentation, geometry));

let folder: string;
let worker: Augmenter;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'augment-worker-'));
  const outfile = join(folder, 'augment-worker.mjs');
  const entry = fileURLToPath(new URL('./augment-worker.ts', import.meta.url));
  await build({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'esm' });
  worker = augmentInWorker(geometry, pathToFileURL(outfile));
});
afterAll(async () => {
  await worker.close();
  await rm(folder, { recursive: true });
});

test('the worker thread gives the same bytes as this thread', async () => {
  const here = await augmentHere(geometry).augment(sources, variations);
  const batches = [1, 2, 3].map(() => worker.augment(sources, variations));
  for (const batch of await Promise.all(batches)) expect(batch).toEqual(here);
});

test('a thread that stops fails what waits for it instead of hanging', async () => {
  const missing = augmentInWorker(geometry, pathToFileURL(join(folder, 'missing.mjs')));
  const failure = { code: 'augment_worker_stopped' };
  await expect(missing.augment(sources, variations)).rejects.toMatchObject(failure);
  await expect(missing.augment(sources, variations)).rejects.toMatchObject(failure);
});
