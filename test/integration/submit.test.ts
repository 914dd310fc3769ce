/** `relearn models submit`: a model trained elsewhere faces the same gate, and learns on; files that can't be used. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type {
  ModelsReport,
  PredictionReport,
  StatusReport,
  TrainReport,
} from '../../src/records/reports.ts';
import { described, type FileParts, floats, node, onnxFile } from '../onnx-file.ts';
import { makeFolder, makePicture, writePictures } from './pictures.ts';
import { endAll, relearnError, relearnJson, serve, until } from './program.ts';

const predictFunction = fileURLToPath(new URL('../../dist/functions-predict.js', import.meta.url));

/** Tells red from blue by the mean colour, for pictures normalized to −1..1. */
const colours = (dogFirst: boolean, scale = 1): FileParts => {
  const [first, second] = dogFirst ? [-scale, scale] : [scale, -scale];
  return {
    nodes: [
      node('GlobalAveragePool', ['images'], ['pooled']),
      node('Flatten', ['pooled'], ['flat']),
      node('Gemm', ['flat', 'fc.weight', 'fc.bias'], ['scores'], { transB: 1 }),
      node('Softmax', ['scores'], ['probabilities']),
    ],
    initializers: [
      floats('fc.weight', [2, 3], [first * 9, 0, -first * 9, second * 9, 0, -second * 9]),
      floats('fc.bias', [2], [0, 0]),
    ],
    outputs: [described('probabilities', ['N', 2])],
  };
};

const noted = (parts: FileParts, notes: Readonly<Record<string, unknown>>): Uint8Array =>
  onnxFile({
    ...parts,
    model: {
      metadataProps: Object.entries(notes).map(([key, value]) => ({
        key: `relearn.${key}`,
        value: JSON.stringify(value),
      })),
    },
  });

const good = noted(colours(true), {
  labels: ['dogs', 'cat'],
  normalization: { mean: [0.5], std: [0.5] },
});

let folder: Awaited<ReturnType<typeof makeFolder>>;
let store: string;

const write = async (name: string, bytes: Uint8Array): Promise<string> => {
  const path = join(folder.path, name);
  await writeFile(path, bytes);
  return path;
};
const submit = (path: string, ...options: readonly string[]) =>
  relearnJson<TrainReport>('models', 'submit', path, '--store', store, ...options);

beforeAll(async () => {
  folder = await makeFolder();
  store = join(folder.path, 'store');
  await relearnJson(
    ...['init', '--store', store, '--labels', 'cat,dog', '--image-size', '32', '--holdout', '0.4'],
  );
  const pictures = await writePictures(join(folder.path, 'base'), 0, 59);
  await relearnJson('import', pictures, '--store', store);
});

afterAll(async () => {
  await endAll();
  await folder.remove();
});

test('a weak model is first, a better one with other class order and normalization takes its place, and learns on', async () => {
  // Says dog to everything: its scores are those of a picture that was turned around.
  const weak = await write('weak.onnx', onnxFile(colours(true, 1e-6)));
  const first = await submit(weak, '--labels', 'cat,dog');
  expect(first).toMatchObject({
    version: 1,
    parent: null,
    architecture: 'weak.onnx',
    rounds: 0,
    stoppedBecause: 'submitted',
    gate: { verdict: 'first', pValue: null },
  });
  expect(first.holdout.accuracy).toBeLessThan(0.2);

  const better = await submit(await write('good.onnx', good), '--note', 'from the other machine');
  expect(better).toMatchObject({ version: 2, gate: { verdict: 'promote' } });
  expect(better.holdout.accuracy).toBe(1);
  expect(await relearnJson('models', 'show', '2', '--store', store)).toMatchObject({
    note: 'from the other machine',
    formats: expect.any(Array),
  });
  const picture = await write('cat.jpg', await makePicture('cat', 1000));
  const { results } = await relearnJson<{ results: PredictionReport[] }>(
    ...['predict', picture, '--store', store],
  );
  expect(results[0]).toMatchObject({ label: 'cat', version: 2 });

  // Equal to the champion: kept, not promoted; and the next training starts from what was submitted.
  const same = await submit(await write('same.onnx', good));
  expect(same).toMatchObject({ version: 3, gate: { verdict: 'not-enough-evidence' } });
  const trained = await relearnJson<TrainReport>('train', '--store', store);
  expect(trained).toMatchObject({ version: 4, parent: 2, architecture: 'good.onnx' });
  expect(trained.holdout.accuracy).toBeGreaterThan(0.9);
  expect(await relearnJson('fsck', '--store', store)).toMatchObject({ ok: true, problems: [] });
  const { lastRun, training } = await relearnJson<StatusReport>('status', '--store', store);
  expect({ version: lastRun?.version, training }).toEqual({ version: 4, training: null });
});

test("a store's own export comes back as what it is, and goes on learning", async () => {
  const other = join(folder.path, 'other');
  await relearnJson(
    ...['init', '--store', other, '--labels', 'dogs,cats', '--alias', 'dog=dogs,cat=cats'],
    ...['--image-size', '32'],
  );
  await relearnJson('import', join(folder.path, 'base'), '--store', other, '--ids', '0-29');
  await relearnJson('train', '--store', other, '--rounds', '2', '--steps', '10');
  const file = join(folder.path, 'exported.onnx');
  await relearnJson('models', 'export', '1', '--out', file, '--store', other);
  const report = await submit(file);
  expect(report).toMatchObject({ architecture: 'compact', stoppedBecause: 'submitted' });
  const measured = await relearnJson<TrainReport>(
    ...['evaluate', '--store', store, '--model', String(report.version)],
  );
  expect(measured).toMatchObject({ n: report.holdout.n });
});

test('what a file must be: everything else is refused by name, and nothing is registered', async () => {
  const before = await readdir(join(store, 'log'));
  const plain = colours(false);
  const weight = floats('fc.weight', [2, 3], [Number.NaN, 0, 0, 0, 0, 0]);
  const three = { ...plain, initializers: [floats('fc.weight', [3, 3]), floats('fc.bias', [3])] };
  const outside = { ...floats('fc.weight', [2, 3]), dataLocation: 1 };
  const cases: readonly [code: string, bytes: Uint8Array, ...options: string[]][] = [
    ['invalid_model_file', Buffer.from('no model at all')],
    ['labels_unknown', onnxFile(plain)],
    ['labels_mismatch', onnxFile(plain), '--labels', 'cat,bird'],
    ['labels_mismatch', onnxFile(plain), '--labels', 'cat,cats'],
    ['labels_mismatch', noted(plain, { labels: ['cat', 'dog', 'bird'] })],
    [
      'wrong_number_of_classes',
      onnxFile({ ...three, outputs: [described('probabilities', ['N', 3])] }),
      ...['--labels', 'cat,dog'],
    ],
    [
      'onnx_not_finite',
      onnxFile({ ...plain, initializers: [weight, floats('fc.bias', [2])] }),
      ...['--labels', 'cat,dog'],
    ],
    [
      'onnx_external_data',
      onnxFile({ ...plain, initializers: [outside, floats('fc.bias', [2])] }),
      ...['--labels', 'cat,dog'],
    ],
    [
      'onnx_layout',
      onnxFile({ ...plain, inputs: [described('images', ['N', 5, 8, 8])] }),
      ...['--labels', 'cat,dog'],
    ],
    [
      'onnx_image_size',
      onnxFile({ ...plain, inputs: [described('images', ['N', 3, 'H', 'W'])] }),
      ...['--labels', 'cat,dog'],
    ],
    [
      'onnx_not_square',
      onnxFile({ ...plain, inputs: [described('images', ['N', 3, 8, 16])] }),
      ...['--labels', 'cat,dog'],
    ],
    [
      'onnx_quantized',
      onnxFile({
        ...plain,
        nodes: [
          node('QLinearConv', ['images', 'fc.weight', 'fc.bias'], ['quantized']),
          ...plain.nodes,
        ],
      }),
      ...['--labels', 'cat,dog'],
    ],
    ['invalid_metadata', noted(plain, { labels: 'cat' })],
    ['wrong_normalization', onnxFile(plain), '--labels', 'cat,dog', '--std', '1,2'],
    ['wrong_normalization', onnxFile(plain), '--labels', 'cat,dog', '--std', '0'],
    [
      'model_output_invalid',
      onnxFile({
        ...plain,
        initializers: [
          floats('fc.weight', [2, 3], Array(6).fill(3e38)),
          floats('fc.bias', [2], [3e38, 3e38]),
        ],
      }),
      ...['--labels', 'cat,dog'],
    ],
  ];
  for (const [code, bytes, ...options] of cases) {
    const path = await write('bad.onnx', bytes);
    const error = await relearnError('models', 'submit', path, '--store', store, ...options);
    expect({ code: error.code, exitCode: error.exitCode }).toEqual({ code, exitCode: 1 });
    expect(error.hint).not.toBe('');
  }
  const huge = await write('huge.onnx', new Uint8Array(1));
  await truncate(huge, 3_000_000_000);
  expect(await relearnError('models', 'submit', huge, '--store', store)).toMatchObject({
    code: 'model_too_large',
  });
  expect(
    await relearnError('models', 'submit', join(folder.path, 'none.onnx'), '--store', store),
  ).toMatchObject({ code: 'model_file_not_found' });
  expect(await readdir(join(store, 'log'))).toEqual(before);
});

test('an empty store gets its first model from a file, once however many servers start, and keeps it in the cache folder', async () => {
  const empty = join(folder.path, 'empty');
  const cache = join(folder.path, 'cache');
  await relearnJson('init', '--store', empty, '--labels', 'cat,dog');
  const file = await write('baked.onnx', good);
  const options = ['--functions', 'predict', '--first-model', file, '--model-cache', cache];
  const servers = await Promise.all(Array.from({ length: 3 }, () => serve(empty, ...options)));
  for (const { url } of servers) {
    const answer = await fetch(`${url}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'image/jpeg' },
      body: await makePicture('dog', 2000),
    });
    expect(await answer.json()).toMatchObject({ label: 'dog', version: 1 });
  }
  await endAll();
  const { champion, versions } = await relearnJson<ModelsReport>('models', '--store', empty);
  expect(champion).toBe(1);
  expect(versions).toEqual([expect.objectContaining({ verdict: 'first', accuracy: 0 })]);
  expect(await relearnJson('fsck', '--store', empty)).toMatchObject({ ok: true, problems: [] });

  const [kept = '', ...more] = await readdir(cache);
  expect(more).toEqual([]);
  await writeFile(join(cache, kept), 'damaged');
  // A store with a version asks for no file, not even whether it is there.
  const later = await serve(empty, '--first-model', '/nowhere.onnx', '--model-cache', cache);
  expect((await fetch(`${later.url}/readyz`)).status).toBe(200);
  expect(
    createHash('sha256')
      .update(await readFile(join(cache, kept)))
      .digest('hex'),
  ).toBe(kept.replace('.onnx', ''));
});

test('the predict function answers right after its start, by the variable alone', async () => {
  const empty = join(folder.path, 'function');
  await relearnJson('init', '--store', empty, '--labels', 'cat,dog');
  const file = await write('function.onnx', good);
  const nameless = await write('nameless.onnx', onnxFile(colours(false)));
  const run = (firstModel: string) => {
    const env = {
      ...{ PATH: process.env.PATH, RELEARN_STORE: empty, RELEARN_ANONYMOUS: 'predict' },
      ...{ PORT: '0', RELEARN_FIRST_MODEL: firstModel },
    };
    const child = spawn(process.execPath, [predictFunction], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    return { child, log: () => text };
  };
  const refused = run(nameless);
  const code = await new Promise((resolve) => refused.child.once('close', resolve));
  expect({ code, log: refused.log() }).toEqual({
    code: 1,
    log: expect.stringContaining('labels_unknown'),
  });
  const { child, log } = run(file);
  try {
    const url = await until('the function', async () => /"url":"(http:[^"]+)"/.exec(log())?.[1]);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  } finally {
    child.kill('SIGKILL');
  }
});
