/** The whole loop through the built program, as the README tells it. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type {
  EvaluationReport,
  ImportReport,
  InvokeReport,
  ModelsReport,
  StatusReport,
  TrainReport,
} from '../../src/records/reports.ts';
import { clientOf } from './client.ts';
import { dataUrl, makeFolder, makePicture, writePictures } from './pictures.ts';
import { endAll, relearnError, relearnJson, type Server, serve, sleep, until } from './program.ts';

const threshold = 40;
let folder: Awaited<ReturnType<typeof makeFolder>>;
let store: string;
let server: Server;

beforeAll(async () => {
  folder = await makeFolder();
  store = join(folder.path, 'store');
});

afterAll(async () => {
  await endAll();
  await folder.remove();
});

const { post, predict } = clientOf(() => server);

const filesIn = async (path: string) =>
  (await readdir(join(store, path), { recursive: true, withFileTypes: true }).catch(() => []))
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);

test('imports pictures and trains a first model', async () => {
  const settings = await relearnJson<{ aliases: Record<string, string>; threshold: number }>(
    ...['init', '--store', store, '--labels', 'cat,dog', '--image-size', '32'],
    ...['--threshold', String(threshold), '--holdout', '0.4'],
  );
  expect(settings).toMatchObject({ aliases: { cats: 'cat', dogs: 'dog' }, threshold });

  const pictures = await writePictures(join(folder.path, 'base'), 0, 119);
  const imported = await relearnJson<ImportReport>('import', pictures, '--store', store);
  expect(imported).toMatchObject({ imported: 240, duplicates: 0, rejected: [] });
  const again = await relearnJson<ImportReport>('import', pictures, '--store', store);
  expect(again).toMatchObject({ imported: 0, duplicates: 240 });

  // One step at a tiny rate: an honestly bad first model, so that feedback can help.
  const trained = await relearnJson<TrainReport>(
    ...['train', '--store', store, '--rounds', '1', '--steps', '1', '--learning-rate', '0.000001'],
  );
  expect(trained).toMatchObject({ version: 1, parent: null, gate: { verdict: 'first' } });
  const { holdout } = imported.perLabel.cat ?? { holdout: 0 };
  expect(trained.holdout.n).toBe(holdout + (imported.perLabel.dog?.holdout ?? 0));
});

test('answers predictions with the first version', async () => {
  server = await serve(store);
  const answer = await predict('cat', 5_000);
  expect(answer.version).toBe(1);
  expect(Object.keys(answer.result)).toEqual(['cat', 'dog']);
  expect((answer.result.cat ?? 0) + (answer.result.dog ?? 0)).toBeCloseTo(1, 5);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  expect(await post<InvokeReport>('/invoke')).toEqual({
    result: { trained: false, reason: 'below-threshold' },
  });
});

test('takes feedback by picture and by prediction, each once', async () => {
  const picture = dataUrl(await makePicture('dog', 6_000));
  const item = JSON.stringify({ picture, target: 'dogs' });
  expect(await post('/callback', item)).toMatchObject({ result: true, status: 'accepted' });
  expect(await post('/callback', item)).toMatchObject({ result: true, status: 'duplicate' });

  const { predictionId } = await predict('cat', 6_001);
  const judged = JSON.stringify({ predictionId, target: 'cat' });
  expect(await post('/callback', judged)).toMatchObject({ status: 'accepted' });
  expect(await post('/callback', judged)).toMatchObject({ status: 'duplicate' });
  const unsure = JSON.stringify({ predictionId, verdict: 'unsure' });
  expect(await post('/callback', unsure)).toMatchObject({ status: 'accepted' });

  const held = dataUrl(await makePicture('cat', 0));
  const known = JSON.stringify({ picture: held, target: 'cat' });
  expect(await post('/callback', known)).toMatchObject({ status: 'duplicate' });
  const { pending } = await relearnJson<StatusReport>('status', '--store', store);
  expect(pending).toEqual({ cat: 1, dog: 1 });
});

test('a burst of feedback becomes one training, and the server answers meanwhile', async () => {
  const pictures = await writePictures(join(folder.path, 'more'), 200, 200 + threshold + 9);
  const sent = await relearnJson<{ accepted: number; failed: number }>(
    ...['feedback', pictures, '--url', server.url],
  );
  expect(sent).toMatchObject({ accepted: 2 * (threshold + 10), failed: 0 });

  await until('the training to start', async () => {
    const { training } = await relearnJson<StatusReport>('status', '--store', store);
    return training ?? undefined;
  });
  // Everybody else hears that a training runs, whoever asks.
  expect(await post<InvokeReport>('/invoke')).toEqual({
    result: { trained: false, reason: 'already-training' },
  });
  const second = relearnError('train', '--store', store);

  const began = performance.now();
  const pauses: number[] = [];
  const improved = await until('the better version to answer', async () => {
    const asked = performance.now();
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    pauses.push(performance.now() - asked);
    const answer = await predict('dog', 7_000);
    return answer.version > 1 ? answer : undefined;
  });
  expect(improved).toMatchObject({ version: 2, label: 'dog' });
  // A training that held the server up would be one pause, as long as itself.
  expect(Math.max(...pauses)).toBeLessThan((performance.now() - began) / 2);
  expect(await second).toMatchObject({ exitCode: 1, code: 'already_training' });
});

test('the new version is better on the same holdout, and its feedback is archived', async () => {
  const report = await relearnJson<ModelsReport>('models', '--store', store);
  expect(report.champion).toBe(2);
  expect(report.versions.map(({ verdict }) => verdict)).toEqual(['first', 'promote']);

  const before = await relearnJson<EvaluationReport>('evaluate', '--store', store, '--model', '1');
  const after = await relearnJson<EvaluationReport>('evaluate', '--store', store);
  expect(after.n).toBe(before.n);
  expect(after.accuracy).toBeGreaterThan(before.accuracy);
  expect(after.accuracy).toBe(report.versions[1]?.accuracy);

  await until('the archive', async () =>
    (await filesIn('feedback')).length === 0 ? true : undefined,
  );
  expect(await filesIn('archive')).toHaveLength(2 * (threshold + 10) + 2);
  const status = await relearnJson<StatusReport>('status', '--store', store);
  expect(status).toMatchObject({ pending: { cat: 0, dog: 0 }, training: null });
  expect(status.lastRun).toMatchObject({ version: 2, parent: 1, gate: { verdict: 'promote' } });
});

test('a rollback reaches the running server, and so does the way forward', async () => {
  await relearnJson('models', 'rollback', '--store', store);
  await until(
    'version 1',
    async () => ((await predict('cat', 7_001)).version === 1 ? true : undefined),
    5,
  );
  await relearnJson('models', 'promote', '2', '--store', store);
  await until(
    'version 2',
    async () => ((await predict('cat', 7_001)).version === 2 ? true : undefined),
    5,
  );
});

test('exports what it learnt from', async () => {
  const { files, examples } = await relearnJson<{ files: string[]; examples: number }>(
    ...['dataset', 'export', join(folder.path, 'tfrecord'), '--with-holdout', '--store', store],
  );
  expect(files.at(-1)).toMatch(/manifest\.json$/);
  expect(examples).toBe(240 + 2 * (threshold + 10) + 2);
});

test('stops cleanly', async () => {
  server.child.kill('SIGINT');
  const { code, signal } = await server.ended;
  expect({ code, signal }).toEqual({ code: 130, signal: null });
  await sleep(0);
});
