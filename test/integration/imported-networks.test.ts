/** Networks made elsewhere on the command line: from a hub, from a file, and files that can't be used. */
import { createHash } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { TrainReport } from '../../src/records/reports.ts';
import { type HubServer, startHubServer } from '../hub-server.ts';
import { described, node, onnxFile, smallClassifier } from '../onnx-file.ts';
import { makeFolder, writePictures } from './pictures.ts';
import { endAll, relearn, relearnError, relearnJson, useEnvironment } from './program.ts';

const token = 'hf_secretsecret';
const file = onnxFile(smallClassifier);
const sized = onnxFile({ ...smallClassifier, inputs: [described('images', ['N', 3, 16, 16])] });

let folder: Awaited<ReturnType<typeof makeFolder>>;
let hub: HubServer;
let stores = 0;
const newStore = () => join(folder.path, `store${stores++}`);
const init = (architecture: string, ...options: readonly string[]) => [
  ...['init', '--store', newStore(), '--labels', 'cat,dog'],
  ...['--architecture', architecture, ...options],
];

beforeAll(async () => {
  folder = await makeFolder();
  hub = await startHubServer({
    repository: 'owner/nets',
    files: { 'main/small.onnx': sized, 'v1/small.onnx': file },
    token,
  });
});
afterEach(() => useEnvironment({}));
afterAll(async () => {
  await endAll();
  await hub.close();
  await folder.remove();
});

test('a network of a hub is downloaded by init, kept by its hash, and trained without the hub', async () => {
  useEnvironment({
    HF_ENDPOINT: hub.url,
    HF_TOKEN: token,
    RELEARN_CACHE: join(folder.path, 'cache'),
  });
  const store = newStore();
  const made = await relearn(
    ...['init', '--store', store, '--labels', 'cat,dog'],
    ...['--architecture', 'hf:owner/nets/small.onnx', '--json'],
  );
  expect(made).toMatchObject({ code: 0 });
  expect(JSON.parse(made.stdout)).toMatchObject({
    architecture: 'hf:owner/nets/small.onnx',
    imageSize: 16,
  });
  expect(made.stdout + made.stderr).not.toContain(token);
  const hash = createHash('sha256').update(sized).digest('hex');
  const inStore = await readdir(store, { recursive: true });
  expect(inStore.filter((name) => name.includes(hash))).not.toEqual([]);

  useEnvironment({ HF_ENDPOINT: 'http://127.0.0.1:9' });
  const pictures = await writePictures(join(folder.path, 'pictures'), 0, 39);
  await relearnJson('import', pictures, '--store', store);
  const report = await relearnJson<TrainReport>('train', '--store', store);
  expect(report).toMatchObject({ version: 1, architecture: 'hf:owner/nets/small.onnx' });

  // The same network under the name of a file is the same network.
  const copy = join(folder.path, 'copy.onnx');
  await writeFile(copy, sized);
  const again = await relearnJson<TrainReport>(
    ...['train', '--store', store, '--from', 'champion', '--architecture', copy],
  );
  expect(again).toMatchObject({ version: 2, parent: 1 });
});

test('a mirror, a revision and a size are named by options', async () => {
  useEnvironment({ HF_TOKEN: token, RELEARN_CACHE: join(folder.path, 'cache') });
  const name = 'hf:owner/nets@v1/small.onnx';
  const report = await relearnJson(...init(name, '--hub', hub.url));
  expect(report).toMatchObject({ architecture: name, imageSize: 8, blocks: 1 });
});

test('what a hub does not give is told with its cure', async () => {
  useEnvironment({ HF_ENDPOINT: hub.url, RELEARN_CACHE: join(folder.path, 'cache') });
  const cases = [
    ['hf:owner/nets', { exitCode: 2, code: 'invalid_hub_name' }],
    ['hf:owner/nets/small.onnx', { exitCode: 1, code: 'hub_refused' }],
  ] as const;
  for (const [name, expected] of cases)
    expect(await relearnError(...init(name))).toMatchObject(expected);
  expect(await relearnError(...init('hf:owner/nets/small.onnx', '--hub', 'mirror'))).toMatchObject({
    exitCode: 2,
    code: 'invalid_hub',
  });
});

test('a file that ends in what nobody can read is used up to the value that the error names', async () => {
  const path = join(folder.path, 'odd.onnx');
  const odd = onnxFile({
    ...smallClassifier,
    nodes: [...smallClassifier.nodes, node('TopK', ['logits'], ['best'], {}, 'com.example')],
    outputs: [described('best', ['N', 1])],
  });
  await writeFile(path, odd);
  const refused = await relearnError(...init(path));
  expect(refused).toMatchObject({ exitCode: 1, code: 'onnx_operator' });
  expect(refused.message).toContain('(com.example:TopK)');
  expect(refused.hint).toContain('--features "logits" is the nearest value');
  expect(await relearnError(...init(path, '--features', 'nothing'))).toMatchObject({
    exitCode: 1,
    code: 'onnx_output',
  });
  expect(await relearnError(...init('compact', '--features', 'flat'))).toMatchObject({
    exitCode: 2,
    code: 'features_not_chosen',
  });
  expect(await relearnError(...init('compact', '--mean', '0.5'))).toMatchObject({
    exitCode: 2,
    code: 'normalization_not_chosen',
  });
  expect(await relearnError(...init(path, '--features', 'flat', '--std', '1,1'))).toMatchObject({
    exitCode: 1,
    code: 'wrong_normalization',
  });

  const store = newStore();
  const given = ['--architecture', path, '--features', 'activated', '--mean', '0.5'];
  await relearnJson('init', '--store', store, '--labels', 'cat,dog', ...given);
  await relearnJson(
    'import',
    await writePictures(join(folder.path, 'few'), 0, 39),
    '--store',
    store,
  );
  const first = await relearnJson<TrainReport>('train', '--store', store);
  expect(first).toMatchObject({ version: 1, architecture: 'odd.onnx' });
  const tuned = [
    'train',
    '--store',
    store,
    '--from',
    'champion',
    '--fine-tune',
    '1',
    '--rounds',
    '1',
  ];
  // Named again, it is the same network.
  expect(await relearnJson<TrainReport>(...tuned, ...given)).toMatchObject({
    version: 2,
    parent: 1,
    transfer: { blocks: 1, tuned: 1, mirror: false },
  });

  // Asked for more blocks than there are, it says how many there are, and writes nothing.
  const runs = await readdir(join(store, 'runs'));
  for (const more of [[], given])
    expect(
      await relearnError('train', '--store', store, '--fine-tune', '999', ...more),
    ).toMatchObject({
      exitCode: 2,
      code: 'too_many_blocks',
      message: '--fine-tune 999: odd.onnx has 1 block.',
      hint: expect.stringContaining('from 0 to 1'),
    });
  expect(await readdir(join(store, 'runs'))).toEqual(runs);
  const shown = await relearn('models', 'show', '2', '--store', store);
  expect(shown.stdout).toMatch(/the last 1 of 1 block/);
});

const [convolution, ...rest] = smallClassifier.nodes;
if (!convolution) throw new Error('no nodes');
const change = (name: string, more: object) =>
  (smallClassifier.initializers ?? []).map((each) =>
    each.name === name ? { ...each, ...more } : each,
  );
/** With an operator after the input. */
const after = (operator: string) => [
  node(operator, ['images'], ['changed']),
  { ...convolution, input: ['changed', ...convolution.input.slice(1)] },
  ...rest,
];
const notNumbers = new Uint8Array(new Float32Array(20).fill(Number.NaN).buffer);

test.each([
  { what: 'no ONNX', bytes: Buffer.from('not a network'), code: 'invalid_model_file' },
  { what: 'half a file', bytes: file.subarray(0, file.length / 2), code: 'invalid_model_file' },
  {
    what: 'weights in another file',
    bytes: onnxFile({
      ...smallClassifier,
      initializers: change('fc.weight', {
        rawData: undefined,
        dataLocation: 1,
        externalData: [{ key: 'location', value: 'weights.bin' }],
      }),
    }),
    code: 'onnx_external_data',
  },
  {
    what: 'an unknown operator',
    bytes: onnxFile({ ...smallClassifier, nodes: after('GridSample') }),
    code: 'onnx_operator',
  },
  {
    what: 'no classifier',
    bytes: onnxFile({
      ...smallClassifier,
      nodes: [convolution],
      outputs: [described('convolved', ['N', 5, 4, 4])],
    }),
    code: 'onnx_no_classifier',
  },
  {
    what: 'quantized activations',
    bytes: onnxFile({ ...smallClassifier, nodes: after('QuantizeLinear') }),
    code: 'onnx_quantized',
  },
  {
    what: 'NaN as weights',
    bytes: onnxFile({
      ...smallClassifier,
      initializers: change('fc.weight', { rawData: notNumbers }),
    }),
    code: 'onnx_not_finite',
  },
  {
    what: 'two inputs',
    bytes: onnxFile({
      ...smallClassifier,
      inputs: [described('images', ['N', 3, 8, 8]), described('mask', ['N', 8])],
    }),
    code: 'onnx_several_inputs',
  },
  {
    what: 'pictures that are not square',
    bytes: onnxFile({ ...smallClassifier, inputs: [described('images', ['N', 3, 8, 12])] }),
    code: 'onnx_not_square',
  },
])('a file with $what is refused by init and by train, and leaves nothing', async (row) => {
  const path = join(folder.path, 'bad.onnx');
  await writeFile(path, row.bytes);
  const store = newStore();
  const given = ['--store', store, '--labels', 'cat,dog', '--architecture', path];
  const error = await relearnError('init', ...given);
  expect(error).toMatchObject({ exitCode: 1, code: row.code });
  expect(error.message).toContain(path);
  expect(error.message.length + error.hint.length).toBeGreaterThan(40);
  expect(error.hint).not.toContain('another version');
  await expect(readdir(store)).rejects.toThrow('ENOENT');

  await relearnJson('init', '--store', store, '--labels', 'cat,dog');
  const before = await readdir(store, { recursive: true });
  const training = await relearnError('train', '--store', store, '--architecture', path);
  expect(training).toMatchObject({ exitCode: 1, code: row.code });
  expect(await readdir(store, { recursive: true })).toEqual(before);
});

test('another picture size than the only one that a file takes is wrong usage', async () => {
  const path = join(folder.path, 'sized.onnx');
  await writeFile(path, sized);
  expect(await relearnError(...init(path, '--image-size', '32'))).toMatchObject({
    exitCode: 2,
    code: 'image_size_fixed',
    message: 'The input "images" is [N,3,16,16]; pictures of 32×32 do not fit.',
  });
  expect(await relearnJson(...init(path, '--image-size', '16'))).toMatchObject({ imageSize: 16 });
});
