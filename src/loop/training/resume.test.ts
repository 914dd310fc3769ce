/** A training that was interrupted, seen from the store: what can go on, and what is cleaned up. */
import { beforeEach, describe, expect, test } from 'vitest';
import { greyJpeg } from '../../../test/grey-jpeg.ts';
import {
  createTestStore,
  createTestTrainer,
  openTestRelearn,
  type TestStore,
} from '../../../test/loop-store.ts';
import { RelearnError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { checkpointKey } from '../../records/keys.ts';
import { decodeTrainingManifest } from '../../records/training-manifest.ts';
import { openLeaseDesk } from '../../registry/lease.ts';
import { openRegistryLog } from '../../registry/registry-log.ts';
import { createRunCheckpoints } from './run-checkpoints.ts';
import type { Trainer, TrainingRequest } from './trainer.ts';

const picture = await greyJpeg(90);
const noWeights = new Map<string, Float32Array>();
let place: TestStore;
let requests: TrainingRequest[];

const fingerprint = sha256(Buffer.from(''));

/** Leaves a checkpoint at a step and dies. */
const dieAfter =
  (step: number, error: RelearnError = crash): Trainer =>
  async (request, watch) => {
    const point = { step, trainLoss: 1, trainAccuracy: 1, validationLoss: 1 };
    watch.onCurve([{ ...point, validationAccuracy: 1 }]);
    await createRunCheckpoints(place, request.runId, fingerprint).save({
      session: { step, tensors: noWeights },
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

/** Dies at step 9, leaving a checkpoint, unless it is resumed. */
const dyingTrainer =
  (error: RelearnError): Trainer =>
  async (request, watch) => {
    requests.push(request);
    const trainer = request.resume
      ? createTestTrainer(place.store, place.clock)
      : dieAfter(9, error);
    return trainer(request, watch);
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

  test('its checkpoint stays until the newer one has its own', async () => {
    const relearn = await open(async (request, watch) => {
      requests.push(request);
      const isFirst = requests.length === 1;
      if (isFirst) return dieAfter(9)(request, watch);
      if (request.resume) return createTestTrainer(place.store, place.clock)(request, watch);
      throw requests.length === 2
        ? new RelearnError('invalid', 'training_diverged', 'The training diverged.')
        : crash;
    });
    await expect(relearn.train()).rejects.toBe(crash);
    await expect(relearn.train({ learningRate: 9 })).rejects.toMatchObject({ kind: 'invalid' });
    await expect(relearn.train()).rejects.toBe(crash);
    const [first] = requests;
    expect((await relearn.status()).resumable).toMatchObject({ id: first?.runId, step: 9 });
    expect(await relearn.train({ resume: true })).toMatchObject({ version: 1 });
    expect(requests.at(-1)?.runId).toBe(first?.runId);
    expect(await checkpointKeys()).toEqual([]);
    await expect(relearn.train()).rejects.toBe(crash);
    expect((await relearn.status()).resumable).toBeNull();
  });

  test('of an error that would come again, nothing is kept', async () => {
    const diverged = new RelearnError('invalid', 'training_diverged', 'The training diverged.');
    const relearn = await open(dyingTrainer(diverged));
    await expect(relearn.train()).rejects.toBe(diverged);
    expect(await checkpointKeys()).toEqual([]);
  });
});

describe('a training that starts by itself', () => {
  let lines: string[];
  /** Asks as an event does; each attempt has a trainer of its own. */
  const consider = async (...attempts: readonly Trainer[]) => {
    const relearn = await openTestRelearn(place, {
      trainer: async (request, watch) => {
        requests.push(request);
        const trainer = attempts[0];
        attempts = attempts.slice(1);
        if (!trainer) throw new Error('One attempt more than expected.');
        return trainer(request, watch);
      },
      log: (_level, message) => lines.push(message),
    });
    return relearn.considerTraining();
  };
  const ends: Trainer = (request, watch) =>
    createTestTrainer(place.store, place.clock)(request, watch);
  /** Takes the checkpoint up as the real one does, and then ends. */
  const endsFrom: Trainer = async (request, watch) => {
    await createRunCheckpoints(place, request.runId, fingerprint).last();
    return ends(request, watch);
  };
  const feed = async (from: number) => {
    const relearn = await open();
    for (let n = from; n < from + 4; n++)
      await relearn.collectFeedback({
        picture: await greyJpeg(n),
        target: n % 2 ? 'cat' : 'dog',
        source: 'test',
      });
  };
  const feedbackOf = async ({ manifest }: TrainingRequest): Promise<number> =>
    decodeTrainingManifest((await place.store.get(manifest.key)) as Uint8Array, '').feedback.length;

  beforeEach(async () => {
    lines = [];
    await feed(0);
  });

  test('goes on with the one before it, however often that is cut off', async () => {
    for (const step of [9, 18, 27, 36, 45]) {
      await expect(consider(dieAfter(step))).rejects.toBe(crash);
    }
    // What came in meanwhile is the next training's.
    await feed(100);
    expect(await consider(endsFrom)).toMatchObject({ result: { trained: true, version: 1 } });
    expect(new Set(requests.map(({ runId }) => runId)).size).toBe(1);
    expect(requests.map(({ resume }) => resume)).toEqual([false, true, true, true, true, true]);
    // None of the pictures is suspected: each attempt came further than the one before.
    expect(requests.map(({ failures }) => failures)).toEqual([0, 1, 1, 1, 1, 1]);
    expect(lines.filter((line) => line.startsWith('Training resumed after round 0.'))).toHaveLength(
      5,
    );
    expect(await checkpointKeys()).toEqual([]);
    expect(await consider(ends)).toMatchObject({ result: { trained: true, version: 2 } });
    expect(await Promise.all(requests.slice(-2).map(feedbackOf))).toEqual([4, 4]);
    expect(requests.at(-1)?.resume).toBe(false);
  });

  test('waits, where nobody would look again, for the lease of a host that was lost', async () => {
    await expect(consider(dieAfter(9))).rejects.toBe(crash);
    const log = openRegistryLog(place.store, place);
    const lost = openLeaseDesk({ ...place, log, owner: 'lost host' });
    await lost.tryAcquire();
    const relearn = await open();
    expect(await relearn.considerTraining()).toEqual({
      result: { trained: false, reason: 'already-training' },
    });
    expect(await relearn.considerTraining({ waitForLease: true })).toMatchObject({
      result: { trained: true, version: 1 },
    });
    expect(requests.at(-1)).toMatchObject({ resume: true, runId: requests[0]?.runId });
  });

  test('gives a checkpoint up that three attempts came no further than', async () => {
    await expect(consider(dieAfter(9))).rejects.toBe(crash);
    for (let attempt = 0; attempt < 3; attempt++)
      await expect(consider(dieAfter(9))).rejects.toBe(crash);
    await consider(ends);
    expect(requests.map(({ resume }) => resume)).toEqual([false, true, true, true, false]);
    // What it dies of may be a picture, so that the new one looks at each of them.
    expect(requests.at(-1)?.failures).toBe(3);
    expect(lines).toContain(
      'The training that was cut off is given up, a new one begins: 3 attempts in a row came no further than step 9.',
    );
  });

  test.each([
    ['damaged', () => place.store.put(checkpointKey(requests[0]?.runId ?? ''), Buffer.from('{'))],
    [
      'another',
      async () => {
        const key = checkpointKey(requests[0]?.runId ?? '');
        const text = Buffer.from((await place.store.get(key)) ?? []).toString();
        await place.store.put(
          key,
          Buffer.from(text.replace(fingerprint, sha256(Buffer.from('other')))),
        );
      },
    ],
  ])('begins anew where the checkpoint is %s, and says why', async (_what, spoil) => {
    await expect(consider(dieAfter(9))).rejects.toBe(crash);
    await spoil();
    expect(await consider(...(_what === 'another' ? [endsFrom, ends] : [ends]))).toMatchObject({
      result: { trained: true, version: 1 },
    });
    expect(requests.at(-1)).toMatchObject({ resume: false });
    expect(requests.at(-1)?.runId).not.toBe(requests[0]?.runId);
    expect(await feedbackOf(requests.at(-1) as TrainingRequest)).toBe(4);
    expect(lines.some((line) => line.startsWith('The training that was cut off is given up'))).toBe(
      true,
    );
  });

  test('begins anew where the version that it continued was put aside meanwhile', async () => {
    await consider(ends);
    await feed(100);
    await consider(ends);
    await feed(200);
    await expect(consider(dieAfter(9))).rejects.toBe(crash);
    await (await open()).models.rollback();
    await consider(ends);
    expect(requests.at(-1)).toMatchObject({ resume: false, initial: { version: 1 } });
    expect(lines).toContain(
      'The training that was cut off is given up, a new one begins: version 2, which it continues, is not the champion any more.',
    );
  });

  test('leaves what was cut off alone while no training is due', async () => {
    await consider(ends);
    const relearn = await open();
    await expect(relearn.train()).rejects.toBe(crash);
    expect(await consider()).toEqual({ result: { trained: false, reason: 'below-threshold' } });
    expect((await relearn.status()).resumable).not.toBeNull();
    const said: string[] = [];
    await expect(relearn.train({ onLine: (line) => said.push(line) })).rejects.toBe(crash);
    expect(said).toEqual([
      'starting anew: the training that was cut off after 0 rounds (9 steps) is given up once this one has a checkpoint of its own. To go on with it instead, stop this one before that and run relearn train --resume',
    ]);
  });
});

test('without an interrupted training there is nothing to resume', async () => {
  const relearn = await open();
  await expect(relearn.train({ resume: true })).rejects.toMatchObject({
    kind: 'not-found',
    code: 'nothing_to_resume',
  });
});
