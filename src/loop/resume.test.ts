/** A training that was interrupted, seen from the store: what can go on, and what is cleaned up. */
import { beforeEach, describe, expect, test } from 'vitest';
import {
  createTestStore,
  createTestTrainer,
  openTestRelearn,
  type TestStore,
} from '../../test/loop-store.ts';
import { RelearnError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import { encodeJpeg } from '../data/decode-image.ts';
import { createRunCheckpoints } from './run-checkpoints.ts';
import type { Trainer, TrainingRequest } from './trainer.ts';

const picture = await encodeJpeg({
  width: 8,
  height: 8,
  channels: 3,
  data: new Uint8Array(8 * 8 * 3).fill(90),
});
const noWeights = new Map<string, Float32Array>();
let place: TestStore;
let requests: TrainingRequest[];

/** Dies after its third round, leaving a checkpoint, unless it is resumed. */
const dyingTrainer =
  (error: RelearnError): Trainer =>
  async (request, watch) => {
    requests.push(request);
    if (request.resume) return createTestTrainer(place.store, place.clock)(request, watch);
    const point = { step: 9, trainLoss: 1, trainAccuracy: 1, validationLoss: 1 };
    watch.onCurve([{ ...point, validationAccuracy: 1 }]);
    await createRunCheckpoints(place, request.runId, sha256(Buffer.from(''))).save({
      session: { step: 9, tensors: noWeights },
      average: null,
      best: noWeights,
      curve: [],
      stopping: { bestAccuracy: 0.5, lowestLoss: 0.7, roundsLeft: 5 },
      meter: { steps: 0, pictures: 0, lossSum: 0, right: 0, nearlyRight: 0 },
      rateFactor: 1,
      start: 'scratch',
      race: null,
      seconds: 1,
      trainingSeconds: 1,
    });
    throw error;
  };

const crash = new RelearnError('unavailable', 'training_crashed', 'It died.');

const open = (trainer: Trainer = dyingTrainer(crash)) => openTestRelearn(place, { trainer });

const checkpointKeys = async () => {
  const found: string[] = [];
  for await (const { key } of place.store.list('runs/')) {
    if (key.includes('checkpoint')) found.push(key);
  }
  return found;
};

beforeEach(async () => {
  place = await createTestStore();
  requests = [];
});

describe('after a training died', () => {
  test('status says what can go on, and the curve so far is there', async () => {
    const relearn = await open();
    await expect(relearn.train({ seed: 5 })).rejects.toBe(crash);
    const { training, resumable } = await relearn.status();
    expect(training).toBeNull();
    expect(resumable).toMatchObject({ id: requests[0]?.runId, step: 9, rounds: 0 });
    expect(await relearn.runs()).toMatchObject([{ points: [{ step: 9 }], report: null }]);
  });

  test('--resume goes on with the same run, manifest and seed, and cleans up', async () => {
    const relearn = await open();
    await relearn.collectFeedback({ picture, target: 'cat', source: 'test' });
    await expect(relearn.train({ seed: 5, rounds: 4 })).rejects.toBe(crash);
    expect(await relearn.train({ resume: true, seed: 5 })).toMatchObject({ version: 1 });
    const [first, second] = requests;
    expect(second).toEqual({ ...first, epoch: second?.epoch, failures: 1, resume: true });
    expect(second?.epoch).toBeGreaterThan(first?.epoch ?? 0);
    expect(await checkpointKeys()).toEqual([]);
    expect((await relearn.status()).resumable).toBeNull();
    const manifest = JSON.parse(
      Buffer.from((await place.store.get(first?.manifest.key ?? '')) ?? []).toString(),
    );
    expect(manifest.feedback).toHaveLength(1);
    await expect(relearn.train({ resume: true })).rejects.toMatchObject({
      code: 'nothing_to_resume',
    });
  });

  test.each([
    [{ seed: 6 }, 'seed is 5, not 6'],
    [{ rounds: 7 }, "rounds is the recipe's, not 7"],
    [{ architecture: 'article' }, 'architecture is compact, not article'],
    [{ from: 'champion' }, 'no champion'],
  ] as const)('other settings than its own (%j) are refused', async (options, message) => {
    const relearn = await open();
    await expect(relearn.train({ seed: 5 })).rejects.toBe(crash);
    await expect(relearn.train({ resume: true, ...options })).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining(message),
    });
    expect((await relearn.status()).resumable).not.toBeNull();
  });

  test('a newer training takes its place, and the old checkpoint goes', async () => {
    const relearn = await open();
    await expect(relearn.train()).rejects.toBe(crash);
    const before = await checkpointKeys();
    await expect(relearn.train()).rejects.toBe(crash);
    const after = await checkpointKeys();
    expect(after).not.toEqual(before);
    expect(after.every((key) => key.includes(requests[1]?.runId ?? '?'))).toBe(true);
  });

  test('of an error that would come again, nothing is kept', async () => {
    const diverged = new RelearnError('invalid', 'training_diverged', 'The training diverged.');
    const relearn = await open(dyingTrainer(diverged));
    await expect(relearn.train()).rejects.toBe(diverged);
    expect(await checkpointKeys()).toEqual([]);
  });
});

test('without an interrupted training there is nothing to resume', async () => {
  const relearn = await open();
  await expect(relearn.train({ resume: true })).rejects.toMatchObject({
    kind: 'not-found',
    code: 'nothing_to_resume',
  });
});
