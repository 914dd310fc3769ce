/** The example of a distributed training: two processes train, the result comes back and is judged. */
import { execFile } from 'node:child_process';
import { appendFile, readdir, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import type { StatusReport, TrainReport } from '../../src/records/reports.ts';
import { makeFolder, writePictures } from '../integration/pictures.ts';
import { endAll, relearnError, relearnJson } from '../integration/program.ts';
import { findPython } from '../pytorch.ts';

const script = fileURLToPath(
  new URL('../../examples/distributed-training/train.py', import.meta.url),
);

const python = findPython('torch.distributed', 'numpy', 'PIL.Image');

const folder = await makeFolder();
afterAll(async () => {
  await endAll();
  await folder.remove();
});

const train = (shards: string, out: string, processes: number, ...options: string[]) =>
  promisify(execFile)(
    python ?? '',
    [...[script, '--processes', String(processes), shards, out, ...options]],
    { env: { PATH: process.env.PATH, OMP_NUM_THREADS: '1' } },
  );

it.skipIf(!python)(
  'two processes train on an export, and the gate promotes what they bring back',
  async () => {
    const store = join(folder.path, 'store');
    const shards = join(folder.path, 'shards');
    const model = join(folder.path, 'model.onnx');
    await relearnJson(
      ...['init', '--store', store, '--labels', 'cat,dog', '--image-size', '32'],
      ...['--holdout', '0.3', '--validation', '0.1', '--threshold', '5'],
    );
    await relearnJson(
      ...['import', await writePictures(join(folder.path, 'base'), 0, 79), '--store', store],
    );
    const answers = await writePictures(join(folder.path, 'answers'), 100, 109);
    await relearnJson('import', answers, '--role', 'feedback', '--store', store);
    await relearnJson(
      ...['dataset', 'export', shards, '--store', store],
      ...['--format', 'webdataset', '--shard-size', '40'],
    );

    const { stdout } = await train(shards, model, 2, '--epochs', '6', '--batch-size', '16');
    expect(stdout).toMatch(/^2 processes, \d+ pictures/m);
    expect(stdout).toMatch(/^gradients differ between processes by 0\.0$/m);
    const losses = [...stdout.matchAll(/loss (\d\.\d+)/g)].map(([, loss]) => Number(loss));
    expect(losses).toHaveLength(6);
    expect(losses.at(-1)).toBeLessThan(losses[0] ?? 0);

    const other = join(folder.path, 'other');
    await relearnJson('dataset', 'export', other, '--store', store, '--format', 'tfrecord');
    const submit = ['models', 'submit', model, '--store', store];
    expect(await relearnError(...submit, '--dataset', other)).toMatchObject({
      code: 'dataset_mismatch',
    });
    const report = await relearnJson<TrainReport>(...submit, '--dataset', shards);
    expect(report).toMatchObject({ version: 1, gate: { verdict: 'first' } });
    expect(report.holdout.accuracy).toBeGreaterThan(0.9);

    // The feedback that went into the export is learnt; the next training goes on from here.
    const { pending } = await relearnJson<StatusReport>('status', '--store', store);
    expect(pending).toEqual({ cat: 0, dog: 0 });
    expect(await readdir(join(store, 'feedback', 'cat')).catch(() => [])).toEqual([]);
    const next = await relearnJson<TrainReport>('train', '--store', store);
    expect(next).toMatchObject({ version: 2, parent: 1, architecture: 'model.onnx' });
    expect(await relearnJson('fsck', '--store', store)).toMatchObject({ ok: true, problems: [] });

    // A damaged shard is found before anything is learnt from it.
    const [shard = ''] = (await readdir(shards)).filter((name) => name.endsWith('.tar'));
    const { length } = await readFile(join(shards, shard));
    await truncate(join(shards, shard), length - 1);
    await appendFile(join(shards, shard), 'x');
    await expect(train(shards, model, 1)).rejects.toThrow(/is damaged: export or copy it again/);
  },
);
