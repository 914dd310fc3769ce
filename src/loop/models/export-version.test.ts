/** Exports of a model that was really trained, and of one that int8 ruins. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeFolder, writePictures } from '../../../test/integration/pictures.ts';
import { systemClock } from '../../base/clock.ts';
import { sha256 } from '../../base/hash.ts';
import { readModel, writeModel } from '../../engine/nn/model-file.ts';
import { createClassifier } from '../../engine/runtime/create-classifier.ts';
import { decodeOnnx } from '../../formats/onnx.ts';
import { modelKey } from '../../records/keys.ts';
import { readVerified } from '../../records/read-verified.ts';
import { createMemoryStore } from '../../storage/memory.ts';
import { createRelearn } from '../relearn.ts';
import type { Relearn } from '../relearn-api.ts';
import { initStore } from '../store/init-store.ts';
import { runTraining } from '../training/run-training.ts';
import type { Trainer } from '../training/trainer.ts';

let folder: Awaited<ReturnType<typeof makeFolder>>;
let relearn: Relearn;

/**
 * The same answers in float32, by another way: one channel of the stem takes huge values that
 * nothing reads. Rounded to 8 bits together with it, the other channels vanish.
 */
const withUselessGiant = (bytes: Uint8Array): Uint8Array => {
  const model = readModel(bytes);
  const weights = new Map([...model.weights].map(([name, data]) => [name, data.slice()]));
  const of = (name: string) => weights.get(name) as Float32Array;
  of('stem/norm/scale')[0] = 0;
  of('stem/norm/bias')[0] = 1e6;
  for (const name of ['block1/shortcut', 'block1/first']) {
    const kernel = of(`${name}/conv/kernel`);
    const window = kernel.length / 32 / 24;
    for (let filter = 0; filter < 32; filter++)
      kernel.fill(0, filter * 24 * window, (filter * 24 + 1) * window);
  }
  return writeModel({ ...model, weights });
};

beforeAll(async () => {
  folder = await makeFolder();
  const clock = systemClock;
  let ids = 0;
  const newId = () => `${ids++}`.padStart(12, '0');
  const store = createMemoryStore({ now: clock.now });
  const options = { store, clock, newId };
  await initStore({ ...options, labels: ['cat', 'dog'], imageSize: 32 });

  /** Trains here, and replaces every version after the first by its ruined twin. */
  const trainer: Trainer = async (request, watch) => {
    const site = { store, settings: relearn.settings, clock, threads: 1, workers: false };
    const outcome = await runTraining(site, request, watch);
    if (request.champion === null) return outcome;
    const bytes = withUselessGiant(await readVerified(store, outcome.candidate.model));
    const model = {
      key: modelKey(sha256(bytes), request.epoch),
      sha256: sha256(bytes),
      size: bytes.length,
    };
    await store.put(model.key, bytes);
    return { ...outcome, candidate: { ...outcome.candidate, model } };
  };
  relearn = await createRelearn({ ...options, trainer });
  await relearn.importPictures([await writePictures(folder.path, 0, 79)]);
  await relearn.train({ rounds: 2, steps: 12 });
  await relearn.train({ rounds: 1, steps: 2, from: 'champion' });
}, 60_000);

afterAll(async () => {
  await relearn.close();
  await folder.remove();
});

it('writes a classifier that says where it comes from', async () => {
  const lines: string[] = [];
  const { model, report } = await relearn.models.export(1, {
    format: 'int8',
    onLine: (line) => lines.push(line),
  });
  expect(lines).toEqual([
    expect.stringMatching(/^calibrating on \d+ training pictures, which may/),
    expect.stringMatching(/^asking version 1 about \d+ holdout pictures$/),
    expect.stringMatching(/^asking its int8 form about/),
    'timing both',
  ]);
  const metadata = Object.fromEntries(
    decodeOnnx(model).metadataProps.map(({ key, value }) => [key, value]),
  );
  expect(metadata).toMatchObject({ 'relearn.format': 'int8', 'relearn.version': '1' });
  const shown = await relearn.models.show(1);
  expect(JSON.parse(metadata['relearn.lineage'] ?? '')).toEqual([
    { version: 1, sha256: (shown.model as { sha256: string }).sha256 },
  ]);
  expect(JSON.parse(metadata['relearn.calibration'] ?? '')).toMatchObject({
    method: 'percentile',
    pictures: expect.any(Number),
  });
  expect(report.sha256).toBe(sha256(model));
  const classifier = await createClassifier(model);
  expect(classifier.labels).toEqual(['cat', 'dog']);
  await classifier.close();
});

it('names every ancestor', async () => {
  const { model } = await relearn.models.export(2);
  const lineage = decodeOnnx(model).metadataProps.find(({ key }) => key === 'relearn.lineage');
  expect(JSON.parse(lineage?.value ?? '').map((one: { version: number }) => one.version)).toEqual([
    2, 1,
  ]);
});

it('refuses a file that answers worse than the original, unless it is forced', async () => {
  const { report: half } = await relearn.models.export(2, { format: 'fp16', force: true });
  await expect(relearn.models.export(2, { format: 'int8' })).rejects.toMatchObject({
    kind: 'invalid',
    code: 'export_less_accurate',
    hint: expect.stringContaining('--force'),
  });
  const { report } = await relearn.models.export(2, { format: 'int8', force: true });
  expect(report.forced).toBe(true);
  expect(report.originalAccuracy).toBe(half.originalAccuracy);
  expect(report.accuracy).toBeLessThan((half.originalAccuracy ?? 0) - 0.01);
  expect(report.disagreements).toBeGreaterThanOrEqual(report.onlyExported + report.onlyOriginal);
});

it('stops when it is told to', async () => {
  const signal = AbortSignal.abort();
  await expect(relearn.models.export(1, { format: 'int8', signal })).rejects.toMatchObject({
    name: 'AbortError',
  });
});
