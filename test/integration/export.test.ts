/** `relearn models export`: files that plain ONNX Runtime serves, and what is refused. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { preprocess } from '../../src/data/preprocess.ts';
import { toImages } from '../../src/engine/runtime/create-classifier.ts';
import type { Preprocessing } from '../../src/records/preprocessing.ts';
import type { ExportReport, PredictionReport, TrainReport } from '../../src/records/reports.ts';
import { sharedData } from '../shared-data.ts';
import { makeFolder, makePicture, writePictures } from './pictures.ts';
import { endAll, relearnError, relearnJson } from './program.ts';

type Written = ExportReport & { readonly file: string };

let folder: Awaited<ReturnType<typeof makeFolder>>;
let store: string;
let trained: TrainReport;

beforeAll(async () => {
  folder = await makeFolder();
  store = join(folder.path, 'store');
  await relearnJson('init', '--store', store, '--labels', 'cat,dog', '--image-size', '32');
  const pictures = await writePictures(join(folder.path, 'base'), 0, 79);
  await relearnJson('import', pictures, '--store', store);
  trained = await relearnJson('train', '--store', store, '--rounds', '3', '--steps', '12');
});

afterAll(async () => {
  await endAll();
  await folder.remove();
});

const exportAs = (format: string, name: string, ...more: readonly string[]) =>
  relearnJson<Written>(
    ...['models', 'export', '1', '--format', format, '--out', join(folder.path, name)],
    ...['--store', store, ...more],
  );

const metadataOf = async (file: string): Promise<Readonly<Record<string, string>>> => {
  // As text: the entries lie in the file as plain strings.
  const text = (await readFile(file)).toString('latin1');
  const read = (key: string) =>
    new RegExp(`${key}\\x12.{1,2}?([\\[{].*?[\\]}])(?:r|$)`, 's').exec(text)?.[1] ?? '';
  return { labels: read('relearn\\.labels'), preprocessing: read('relearn\\.preprocessing') };
};

test.each([
  { format: 'onnx', share: 1.01 },
  { format: 'fp16', share: 0.52 },
  { format: 'int8', share: 0.3 },
])('$format: measured, and served by ONNX Runtime alone', async ({ format, share }) => {
  const report = await exportAs(format, `${format}.onnx`);
  const bytes = await readFile(report.file);
  expect(report).toMatchObject({
    version: 1,
    format,
    bytes: bytes.length,
    n: trained.holdout.n,
    originalAccuracy: trained.holdout.accuracy,
    forced: false,
  });
  expect(report.bytes).toBeLessThan(share * report.originalBytes);
  expect(report.accuracy).toBeGreaterThan(trained.holdout.accuracy - 0.011);
  for (const times of [report.msPerPicture, report.originalMsPerPicture]) {
    expect(times.batch1).toBeGreaterThan(0);
    expect(times.batch8).toBeGreaterThan(0);
  }

  const { labels, preprocessing } = await metadataOf(report.file);
  expect(JSON.parse(labels ?? '')).toEqual(['cat', 'dog']);
  const asked = JSON.parse(preprocessing ?? '') as Preprocessing;
  const session = await InferenceSession.create(report.file, { logSeverityLevel: 3 });
  for (const label of ['cat', 'dog'] as const) {
    const picture = await makePicture(label, 1000);
    const pixels = await preprocess(picture, asked);
    const shape = [1, asked.channels, asked.height, asked.width];
    const images = new Tensor('float32', toImages(pixels, 1, asked.channels), shape);
    const { logits } = await session.run({ images });
    const [cat = 0, dog = 0] = (logits as Tensor).data as Float32Array;

    const path = join(folder.path, `${label}-${format}.jpg`);
    await writeFile(path, picture);
    const { results } = await relearnJson<{ results: readonly [PredictionReport] }>(
      ...['predict', path, '--store', store],
    );
    expect(1 / (1 + Math.exp(dog - cat))).toBeCloseTo(results[0].result.cat ?? 0, 1);
  }
  await session.release();
});

test('the checker of the ONNX project accepts every form', async () => {
  const python = '/usr/bin/python3';
  if (spawnSync(python, ['-c', 'import onnx']).status !== 0) {
    console.log('skipped: python3-onnx is not installed');
    return;
  }
  for (const format of ['onnx', 'fp16', 'int8']) {
    const { file } = await exportAs(format, `checked-${format}.onnx`);
    const check = [
      'import onnx, sys',
      'model = onnx.load(sys.argv[1])',
      'onnx.checker.check_model(model, full_check=True)',
      'print(dict((p.key, p.value) for p in model.metadata_props)["relearn.format"])',
    ].join('\n');
    expect(execFileSync(python, ['-c', check, file], { encoding: 'utf8' }).trim()).toBe(format);
  }
});

test('a head on an imported network is exported too', async () => {
  if (!sharedData) {
    console.log('skipped: the backbones of ../shared/data are not there');
    return;
  }
  const own = join(folder.path, 'backbone-store');
  const backbone = join(sharedData, 'backbones', 'squeezenet1.1.onnx');
  await relearnJson('init', '--store', own, '--labels', 'cat,dog', '--architecture', backbone);
  await relearnJson('import', join(folder.path, 'base'), '--store', own);
  await relearnJson('train', '--store', own);
  const file = join(folder.path, 'backbone.onnx');
  const report = await relearnJson<Written>(
    ...['models', 'export', '1', '--format', 'int8', '--out', file, '--store', own],
  );
  expect(report.bytes).toBeLessThan(0.3 * report.originalBytes);
  const session = await InferenceSession.create(file, { logSeverityLevel: 3 });
  const images = new Tensor('float32', new Float32Array(2 * 3 * 224 * 224), [2, 3, 224, 224]);
  const { logits } = await session.run({ images });
  expect(logits?.dims).toEqual([2, 2]);
  await session.release();
});

test('the same version gives the same bytes', async () => {
  const [first, second] = [await exportAs('int8', 'a.onnx'), await exportAs('int8', 'b.onnx')];
  expect(second.sha256).toBe(first.sha256);
});

test('what is refused leaves no file behind', async () => {
  const refused = async (...args: readonly string[]) =>
    relearnError('models', 'export', ...args, '--store', store);
  const out = join(folder.path, 'refused.onnx');
  expect(await refused('9', '--out', out)).toMatchObject({
    exitCode: 1,
    code: 'version_not_found',
  });
  expect(await refused('1', '--format', 'tflite', '--out', out)).toMatchObject({
    exitCode: 2,
    code: 'invalid_option_value',
  });
  expect(await refused('1')).toMatchObject({ exitCode: 2, code: 'missing_option' });
  expect(await readdir(folder.path)).not.toContain('refused.onnx');

  expect(await refused('1', '--out', folder.path)).toMatchObject({
    exitCode: 1,
    code: 'path_exists',
  });
  expect(await refused('1', '--out', join(folder.path, 'none', 'm.onnx'))).toMatchObject({
    exitCode: 1,
    code: 'folder_not_found',
  });
  if (process.getuid?.() === 0) {
    console.log('skipped: root may write everywhere');
    return;
  }
  const closed = join(folder.path, 'closed');
  await mkdir(closed);
  await chmod(closed, 0o500);
  expect(await refused('1', '--out', join(closed, 'm.onnx'))).toMatchObject({
    exitCode: 1,
    code: 'permission_denied',
  });
});
