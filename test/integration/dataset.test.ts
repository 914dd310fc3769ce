/** `relearn dataset export`: shards that other programs read, the same every time, finished after a kill. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeExample, firstBytes } from '../../src/formats/example.ts';
import { readTfRecords } from '../../src/formats/tfrecord.ts';
import type { DatasetExportReport } from '../../src/loop/datasets/export-dataset.ts';
import { type DatasetManifest, decodeDatasetManifest } from '../../src/records/dataset-manifest.ts';
import type { ImportReport } from '../../src/records/reports.ts';
import { makeFolder, makePicture, writePictures } from './pictures.ts';
import { endAll, relearnError, relearnJson, start, until } from './program.ts';

let folder: Awaited<ReturnType<typeof makeFolder>>;
let store: string;
let base: ImportReport['perLabel'];

beforeAll(async () => {
  folder = await makeFolder();
  store = join(folder.path, 'store');
  await relearnJson('init', '--store', store, '--labels', 'cat,dog', '--validation', '0.2');
  const pictures = await writePictures(join(folder.path, 'base'), 0, 49);
  base = (await relearnJson<ImportReport>('import', pictures, '--store', store)).perLabel;
  const answers = await writePictures(join(folder.path, 'answers'), 100, 104);
  await relearnJson('import', answers, '--role', 'feedback', '--store', store);
});

afterAll(async () => {
  await endAll();
  await folder.remove();
});

const countOf = (split: 'train' | 'validation' | 'holdout') =>
  (base.cat?.[split] ?? 0) + (base.dog?.[split] ?? 0);

const run = async (name: string, ...options: readonly string[]) => {
  const directory = join(folder.path, name);
  const report = await relearnJson<DatasetExportReport>(
    ...['dataset', 'export', directory, '--store', store, ...options],
  );
  const manifest = decodeDatasetManifest(await readFile(join(directory, 'manifest.json')), name);
  return { directory, report, manifest };
};

const checkShards = async (directory: string, { shards }: DatasetManifest) => {
  for (const { name, bytes, sha256 } of shards) {
    const file = await readFile(join(directory, name));
    expect(file.length).toBe(bytes);
    expect(createHash('sha256').update(file).digest('hex')).toBe(sha256);
  }
};

test('WebDataset: tar files that tar reads, without the pictures that judge', async () => {
  const { directory, report, manifest } = await run(
    ...(['tars', '--format', 'webdataset', '--shard-size', '20'] as const),
  );
  await checkShards(directory, manifest);
  const train = countOf('train') + 10;
  expect(manifest).toMatchObject({
    format: 'webdataset',
    labels: ['cat', 'dog'],
    totals: {
      train: { count: train },
      validation: { count: countOf('validation') },
      holdout: { count: 0, bytes: 0 },
    },
  });
  expect(manifest.feedback).toHaveLength(10);
  expect(manifest.base).toHaveLength(1);
  expect(manifest.shards.filter(({ split }) => split === 'train')).toHaveLength(
    Math.ceil(train / 20),
  );
  expect(report).toMatchObject({
    examples: train + countOf('validation'),
    totals: manifest.totals,
  });
  const first = join(directory, manifest.shards[0]?.name ?? '');
  const names = execFileSync('tar', ['tf', first]).toString().trim().split('\n');
  expect(names).toHaveLength(60);
  const key = names[0]?.replace('.jpg', '');
  expect(names.slice(0, 3)).toEqual([`${key}.jpg`, `${key}.cls`, `${key}.json`]);
  const member = (end: string) => execFileSync('tar', ['xOf', first, `${key}.${end}`]);
  expect([...member('jpg').subarray(0, 2)]).toEqual([0xff, 0xd8]);
  const { label, source } = JSON.parse(member('json').toString());
  expect(source).toBe('base');
  expect(member('cls').toString()).toBe(String(manifest.labels.indexOf(label)));
});

test('TFRecord: checked records with the usual features; --with-holdout adds the judges', async () => {
  const { directory, manifest } = await run('records', '--shard-size', '30', '--with-holdout');
  await checkShards(directory, manifest);
  expect(manifest.totals.holdout.count).toBe(countOf('holdout'));
  for (const { name, count } of manifest.shards) {
    let read = 0;
    for await (const { data } of readTfRecords([await readFile(join(directory, name))])) {
      expect(firstBytes(decodeExample(data), 'image/encoded')?.length).toBeGreaterThan(100);
      read++;
    }
    expect(read).toBe(count);
  }
});

test('a picture that people disagree about has one label, the latest answer', async () => {
  const disputed = join(folder.path, 'disputed');
  const place = ['--store', disputed];
  await relearnJson(
    'init',
    ...place,
    '--labels',
    'cat,dog',
    '--validation',
    '0.01',
    '--holdout',
    '0.01',
  );
  await relearnJson('import', await writePictures(join(folder.path, 'some'), 200, 209), ...place);
  const corrections = join(folder.path, 'corrections');
  await mkdir(corrections);
  // One of the base pictures, and one that is answered twice.
  await writeFile(join(corrections, 'dog.1.jpg'), await makePicture('cat', 200));
  for (const [label, id] of [
    ['cat', 2],
    ['dog', 3],
  ] as const) {
    await writeFile(join(corrections, `${label}.${id}.jpg`), await makePicture('cat', 300));
    await relearnJson('import', corrections, '--role', 'feedback', ...place);
  }
  const directory = join(folder.path, 'agreed');
  await relearnJson('dataset', 'export', directory, ...place, '--format', 'webdataset');
  const manifest = decodeDatasetManifest(await readFile(join(directory, 'manifest.json')), 'it');
  expect(manifest.feedback).toHaveLength(3);
  const tar = join(directory, manifest.shards[0]?.name ?? '');
  const names = execFileSync('tar', ['tf', tar]).toString().trim().split('\n');
  for (const seed of [200, 300]) {
    const hash = createHash('sha256')
      .update(await makePicture('cat', seed))
      .digest('hex');
    const own = names.filter((name) => name.startsWith(hash) && name.endsWith('.cls'));
    expect(own.map((name) => execFileSync('tar', ['xOf', tar, name]).toString())).toEqual(['1']);
  }
});

test('the article finds its two files', async () => {
  const { manifest } = await run('article', '--format', 'article');
  expect(manifest.shards.map(({ name }) => name)).toEqual(['train.tfrecords', 'eval.tfrecords']);
});

test('killed and started again: what was whole stays, and the result is the same byte for byte', async () => {
  const options = ['--format', 'webdataset', '--shard-size', '1'] as const;
  const directory = join(folder.path, 'killed');
  const { child, ended } = start('dataset', 'export', directory, '--store', store, ...options);
  const shards = async () => (await readdir(directory)).filter((name) => name.endsWith('.tar'));
  await until('some shards', async () =>
    (await shards().catch(() => [])).length >= 5 ? true : undefined,
  );
  child.kill('SIGKILL');
  await ended;
  const written = await shards();
  expect((await readdir(directory)).includes('manifest.json')).toBe(false);
  const times = async () =>
    Promise.all(
      written.slice(0, 4).map(async (name) => (await stat(join(directory, name))).mtimeMs),
    );
  const before = await times();
  // One of them is damaged meanwhile.
  await writeFile(join(directory, written[4] ?? ''), 'damaged');
  const resumed = await run('killed', ...options);
  expect(await times()).toEqual(before);
  const fresh = await run('fresh', ...options);
  expect(resumed.report.sha256).toBe(fresh.report.sha256);
  await checkShards(directory, fresh.manifest);
  expect((await readdir(directory)).sort()).toEqual((await readdir(fresh.directory)).sort());
});

test('a folder that holds something of the kind is left alone', async () => {
  const directory = join(folder.path, 'tars');
  const again = ['dataset', 'export', directory, '--store', store, '--format', 'webdataset'];
  expect(await relearnError(...again)).toMatchObject({ exitCode: 2, code: 'file_exists' });
  await rm(join(directory, 'manifest.json'));
  const plan = 'a'.repeat(64);
  await writeFile(join(directory, 'unfinished.json'), JSON.stringify({ plan, shards: [] }));
  expect(await relearnError(...again)).toMatchObject({ exitCode: 2, code: 'other_export' });
  const inStore = await relearnError('dataset', 'export', store, '--store', store);
  expect(inStore).toMatchObject({ exitCode: 2, code: 'inside_store' });
});

test.runIf(process.platform === 'linux')('a folder that can not be made is told', async () => {
  const nowhere = ['dataset', 'export', '/proc/x', '--store', store, '--format', 'webdataset'];
  expect(await relearnError(...nowhere)).toMatchObject({ exitCode: 1, code: 'invalid_path' });
});
