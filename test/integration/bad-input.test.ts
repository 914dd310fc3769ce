/** Wrong use and damaged files on the command line: a clear error, the right exit code, no harm. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { encodeJpeg } from '../../src/data/decode-image.ts';
import type { ImportReport, ModelsReport, TrainReport } from '../../src/records/reports.ts';
import { makeFolder, makePicture, writePictures } from './pictures.ts';
import { endAll, relearn, relearnError, relearnJson, serve } from './program.ts';

let folder: Awaited<ReturnType<typeof makeFolder>>;
let store: string;
let picture: string;

beforeAll(async () => {
  folder = await makeFolder();
  store = join(folder.path, 'store');
  await relearnJson('init', '--store', store, '--labels', 'cat,dog', '--image-size', '32');
  await relearnJson(
    'import',
    await writePictures(join(folder.path, 'base'), 0, 39),
    '--store',
    store,
  );
  await relearnJson('train', '--store', store, '--rounds', '1', '--steps', '2');
  picture = join(folder.path, 'one.jpg');
  await writeFile(picture, await makePicture('cat', 900));
});

afterAll(async () => {
  await endAll();
  await folder.remove();
});

const snapshot = async () =>
  (await readdir(store, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('.tmp'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();

const missing = () => join(folder.path, 'nowhere');

test.each([
  { name: 'predict', args: () => ['predict', picture] },
  { name: 'train', args: () => ['train'] },
  { name: 'serve', args: () => ['serve', '--port', '0'] },
  { name: 'status', args: () => ['status'] },
])('$name without a store names the cure', async ({ args }) => {
  const error = await relearnError(...args(), '--store', missing());
  expect(error).toMatchObject({ exitCode: 1, code: 'store_not_found' });
  expect(error.hint).toContain('relearn init --labels');
});

test('black, white and noise get an honest answer: numbers that add up to one', async () => {
  const sizes = { width: 64, height: 48, channels: 3 } as const;
  const random = createRandom(43);
  const fills: Readonly<Record<string, () => number>> = {
    black: () => 0,
    white: () => 255,
    noise: () => random.integer(256),
  };
  const paths: string[] = [];
  for (const [name, fill] of Object.entries(fills)) {
    const path = join(folder.path, `${name}.jpg`);
    const data = Uint8Array.from({ length: 64 * 48 * 3 }, fill);
    await writeFile(path, await encodeJpeg({ ...sizes, data }));
    paths.push(path);
  }
  const { results } = await relearnJson<{ results: { result: Record<string, number> }[] }>(
    ...['predict', ...paths, '--store', store],
  );
  expect(results).toHaveLength(3);
  for (const { result } of results) {
    const scores = Object.values(result);
    for (const score of scores) expect(score >= 0 && score <= 1).toBe(true);
    expect(scores.reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 3);
  }
});

test('init refuses a store that exists and wrong settings, and changes nothing', async () => {
  const before = await snapshot();
  const init = ['init', '--labels', 'cat,dog', '--store'];
  expect(await relearnError(...init, store)).toMatchObject({ exitCode: 1, code: 'store_exists' });
  const wrong = [
    ['--architecture', 'article', '--image-size', '128'],
    ['--architecture', 'unheard-of'],
    ['--threshold', '0'],
    ['--holdout', '2'],
  ];
  for (const options of wrong) {
    expect(await relearnError(...init, missing(), ...options)).toMatchObject({ exitCode: 2 });
  }
  expect(await snapshot()).toEqual(before);
  await expect(readdir(missing())).rejects.toThrow('ENOENT');
});

test('an unknown option or command is wrong usage', async () => {
  expect((await relearn('train', '--store', store, '--sideways')).code).toBe(2);
  expect((await relearn('dance')).code).toBe(2);
});

test('an empty folder and broken pictures are told, and good ones still come in', async () => {
  const empty = join(folder.path, 'empty');
  await mkdir(empty);
  const error = await relearnError('import', empty, '--store', store);
  expect(error).toMatchObject({ exitCode: 1, code: 'no_pictures' });

  const mixed = await writePictures(join(folder.path, 'mixed'), 100, 101);
  const whole = await readFile(join(mixed, 'cat.100.jpg'));
  await writeFile(join(mixed, 'cat.102.jpg'), whole.subarray(0, whole.length / 2));
  await writeFile(join(mixed, 'dog.103.jpg'), 'no picture at all');
  await writeFile(join(mixed, 'bird.104.jpg'), await makePicture('dog', 104));
  const report = await relearnJson<ImportReport>('import', mixed, '--store', store);
  expect(report).toMatchObject({ imported: 4, duplicates: 0 });
  expect(report.rejected.map(({ path }) => path.slice(path.lastIndexOf('/') + 1)).sort()).toEqual([
    'bird.104.jpg',
    'cat.102.jpg',
    'dog.103.jpg',
  ]);
});

test('predict tells the bad picture from the good one', async () => {
  const bad = join(folder.path, 'bad.jpg');
  await writeFile(bad, 'no picture at all');
  const { code, stdout } = await relearn('predict', picture, bad, '--store', store, '--json');
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    results: [{ path: picture, version: 1 }, { path: bad }],
  });
});

test('a port in use is told', async () => {
  const first = await serve(store);
  const port = new URL(first.url).port;
  const error = await relearnError('serve', '--store', store, '--port', port);
  expect(error).toMatchObject({ exitCode: 1, code: 'port_in_use' });
  expect((await fetch(`${first.url}/healthz`)).status).toBe(200);
  first.child.kill('SIGTERM');
  await first.ended;
});

test('a damaged champion is refused, and a rollback makes the store answer again', async () => {
  const second = await relearnJson<TrainReport>(
    ...['train', '--store', store, '--rounds', '2', '--steps', '4', '--seed', '7'],
  );
  await relearnJson('models', 'promote', String(second.version), '--store', store);
  const shown = await relearnJson<{ model: { key: string } }>(
    ...['models', 'show', String(second.version), '--store', store],
  );
  const file = join(store, shown.model.key);
  const bytes = await readFile(file);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0xff;
  await writeFile(file, bytes);

  const flipped = await relearnError('predict', picture, '--store', store);
  expect(flipped).toMatchObject({ exitCode: 1, code: 'hash_mismatch' });
  await rm(file);
  const gone = await relearnError('predict', picture, '--store', store);
  expect(gone).toMatchObject({ exitCode: 1, code: 'object_missing' });

  const { champion } = await relearnJson<ModelsReport>('models', 'rollback', '--store', store);
  expect(champion).toBe(1);
  const { results } = await relearnJson<{ results: { version: number }[] }>(
    ...['predict', picture, '--store', store],
  );
  expect(results[0]?.version).toBe(1);
});
