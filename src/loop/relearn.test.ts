/** The loop over a store in memory, with a trainer that computes nothing. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { greyJpeg } from '../../test/grey-jpeg.ts';
import {
  createTestStore,
  createTestTrainer,
  gates,
  openTestRelearn,
  type TestStore,
} from '../../test/loop-store.ts';
import { sha256 } from '../base/hash.ts';
import type { FeedbackInput, Relearn } from './relearn-api.ts';
import { startingProgress } from './training/run-journal.ts';

const pictures: Uint8Array[] = [];
let place: TestStore;
let relearn: Relearn;

beforeAll(async () => {
  for (let n = 0; n < 12; n++) {
    pictures.push(await greyJpeg(20 * n));
  }
});

const opened: Relearn[] = [];

const open: typeof openTestRelearn = async (...args) => {
  const one = await openTestRelearn(...args);
  opened.push(one);
  return one;
};

beforeEach(async () => {
  place = await createTestStore();
  relearn = await open(place);
});

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

const picture = (n: number): Uint8Array => {
  const found = pictures[n];
  if (!found) throw new RangeError(`there is no picture ${n}`);
  return found;
};

const send = (n: number, target: string, more: Partial<FeedbackInput> = {}) =>
  relearn.collectFeedback({ picture: picture(n), target, source: 'test', ...more });

/** Two pictures of each label: what the threshold asks for. */
const sendEnough = async (first: number) => {
  for (const n of [0, 1]) {
    expect(await send(first + n, 'cats')).toMatchObject({ status: 'accepted' });
    expect(await send(first + n + 2, 'dog')).toMatchObject({ status: 'accepted' });
  }
};

const keys = async (prefix: string) => {
  const found: string[] = [];
  for await (const { key } of place.store.list(prefix)) found.push(key);
  return found;
};

describe('feedback', () => {
  test('is stored once under its label, whatever name was used', async () => {
    expect(await send(0, 'cats')).toEqual({
      result: true,
      id: sha256(picture(0)),
      status: 'accepted',
    });
    expect(await send(0, 'cat')).toMatchObject({ status: 'duplicate' });
    expect(await keys('feedback/')).toEqual([`feedback/cat/${sha256(picture(0))}`]);
  });

  test('with another label is another answer', async () => {
    await send(0, 'cat');
    expect(await send(0, 'dog')).toMatchObject({ status: 'accepted' });
  });

  test.each([
    ['bird', 'unknown_label'],
    ['../cat', 'unknown_label'],
    ['__proto__', 'unknown_label'],
  ])('for %s is refused', async (target, code) => {
    await expect(send(0, target)).rejects.toMatchObject({ kind: 'invalid', code });
    expect(await keys('feedback/')).toEqual([]);
  });

  test('that is no picture is refused and leaves nothing', async () => {
    const text = { picture: Buffer.from('no picture') };
    await expect(send(0, 'cat', text)).rejects.toMatchObject({ kind: 'invalid' });
    expect(await keys('feedback/')).toEqual([]);
  });

  test('by prediction waits for the picture to be kept, and is durable', async () => {
    await relearn.train();
    const keeping = await open(place, { keepPredictions: true });
    const { predictionId, label } = await keeping.predict(picture(0));
    expect(label).toBe('cat');
    const judge = (more: Partial<FeedbackInput>) =>
      keeping.collectFeedback({ predictionId, source: 'test', ...more });
    expect(await judge({ verdict: 'unsure' })).toMatchObject({ status: 'accepted' });
    expect(await judge({ verdict: 'unsure' })).toMatchObject({ status: 'duplicate' });
    expect(await keys('feedback/')).toEqual([]);
    expect(await judge({ verdict: 'right' })).toMatchObject({ status: 'accepted' });
    expect(await keys('feedback/')).toEqual([`feedback/cat/${sha256(picture(0))}`]);
    place.clock.advance(25 * 60 * 60 * 1000);
    await expect(judge({ target: 'dog' })).rejects.toMatchObject({ code: 'prediction_expired' });
  });

  test.each([
    ['right', 'cats', 'accepted'],
    ['wrong', 'dog', 'accepted'],
    ['right', 'dog', 'contradicting_feedback'],
    ['wrong', 'cat', 'contradicting_feedback'],
    ['neither', 'cat', 'contradicting_feedback'],
    ['neither', 'dog', 'contradicting_feedback'],
    ['unsure', 'dog', 'contradicting_feedback'],
  ] as const)('that finds a cat %s and calls it %s: %s', async (verdict, target, outcome) => {
    await relearn.train();
    const keeping = await open(place, { keepPredictions: true });
    const { predictionId, label } = await keeping.predict(picture(0));
    expect(label).toBe('cat');
    const answer = keeping.collectFeedback({ predictionId, verdict, target, source: 'test' });
    const told = await answer.then(
      ({ status }) => status,
      ({ kind, code }) => (kind === 'invalid' ? code : kind),
    );
    expect(told).toBe(outcome);
    expect(await keys('feedback/')).toHaveLength(outcome === 'accepted' ? 1 : 0);
    expect(await keys('votes/')).toEqual([]);
  });

  test('by a prediction that was not kept says so', async () => {
    await relearn.train();
    const { predictionId } = await relearn.predict(picture(0));
    const judge = (id: string) =>
      relearn.collectFeedback({ predictionId: id, verdict: 'right', source: 'test' });
    await expect(judge(predictionId)).rejects.toMatchObject({ code: 'prediction_expired' });
    for (const id of ['../settings', 'never-given', '']) {
      await expect(judge(id)).rejects.toMatchObject({ code: 'prediction_not_found' });
    }
  });

  test('put into the store by hand is taken in, or set aside with a reason', async () => {
    await relearn.train();
    await place.store.put('feedback/cat/by-hand.jpg', picture(0));
    await place.store.put('feedback/cat/note.txt', Buffer.from('no picture'));
    await place.store.put('feedback/fish/x.jpg', picture(1));
    await place.store.put('feedback/cat/again.jpg', picture(2));
    await send(3, 'dog');
    await send(4, 'dog');
    expect(await relearn.considerTraining()).toMatchObject({ result: { trained: true } });
    expect(await keys('feedback/')).toEqual([]);
    expect(await keys('archive/cat/')).toEqual(
      [0, 2].map((n) => `archive/cat/${sha256(picture(n))}`).sort(),
    );
    const notes = (await keys('quarantine/')).filter((key) => key.endsWith('.json'));
    const reasons = await Promise.all(
      notes.map(async (key) => JSON.parse(String(Buffer.from((await place.store.get(key)) ?? [])))),
    );
    expect(reasons.map(({ key, reason }) => `${key}: ${reason}`).sort()).toEqual([
      'feedback/cat/note.txt: unsupported_image',
      'feedback/fish/x.jpg: under no label',
    ]);
  });
});

describe('considering a training', () => {
  test('writes each result to the log in the same words', async () => {
    const results: unknown[] = [];
    const logging = await open(place, {
      log: (_level, message, fields) => {
        if (message === 'relearn training result') results.push(fields);
      },
    });
    await logging.train();
    await sendEnough(0);
    await logging.considerTraining();
    expect(results).toMatchObject([
      { version: 1, verdict: 'first', accuracyBefore: null, feedback: 0 },
      {
        version: 2,
        parent: 1,
        accuracyBefore: expect.any(Number),
        accuracyAfter: expect.any(Number),
        feedback: 4,
      },
    ]);
  });

  test('tells what a trainer says, and each phase once, in the log with the id of the run', async () => {
    const compute = createTestTrainer(place.store, place.clock);
    const told: { message: string; runId: unknown }[] = [];
    const logging = await open(place, {
      log: (_level, message, fields) => told.push({ message, runId: fields?.runId }),
      trainer: async (request, watch) => {
        const progress = startingProgress(request.startedAt);
        watch.onProgress({ ...progress, phase: 'training' });
        watch.onLine('round 1: loss 0.5');
        watch.onProgress({ ...progress, phase: 'training', step: 2 });
        watch.onProgress({ ...progress, phase: 'evaluating' });
        return compute(request, watch);
      },
    });
    await logging.train();
    expect(told.map(({ message }) => message)).toEqual([
      'Training started.',
      'Training: training.',
      'round 1: loss 0.5',
      'Training: evaluating.',
      'relearn training result',
    ]);
    expect(told.every(({ runId }) => runId === told[0]?.runId)).toBe(true);
  });

  test('trains when every label has its threshold, and archives what it learnt', async () => {
    await relearn.train();
    expect(await relearn.considerTraining()).toEqual({
      result: { trained: false, reason: 'below-threshold' },
    });
    await sendEnough(0);
    expect((await relearn.status()).pending).toEqual({ cat: 2, dog: 2 });
    expect(await relearn.considerTraining()).toMatchObject({
      result: { trained: true, version: 2, gate: { verdict: 'promote' } },
    });
    expect(await keys('feedback/')).toEqual([]);
    expect(await keys('archive/')).toHaveLength(4);
    expect(await relearn.considerTraining()).toMatchObject({ result: { trained: false } });
    expect((await relearn.status()).learnt).toEqual({ cat: 2, dog: 2 });
    await relearn.models.rollback();
    expect((await relearn.status()).learnt).toEqual({ cat: 0, dog: 0 });
    await relearn.models.promote(2);
    expect((await relearn.predict(picture(9))).version).toBe(2);
  });

  test('without base data says so', async () => {
    const rows = await keys('log/');
    for (const key of rows) await place.store.delete(key);
    relearn = await open(place);
    await sendEnough(0);
    expect(await relearn.considerTraining()).toEqual({
      result: { trained: false, reason: 'no-base-data' },
    });
    await expect(relearn.train()).rejects.toMatchObject({ code: 'no_base_data' });
  });

  test('keeps the feedback of an undecided candidate for the next, without counting it', async () => {
    await relearn.train();
    relearn = await open(place, {
      trainer: createTestTrainer(place.store, place.clock, () => gates.undecided),
    });
    await sendEnough(0);
    expect(await relearn.considerTraining()).toMatchObject({
      result: { trained: true, version: 2, gate: { verdict: 'not-enough-evidence' } },
    });
    expect((await relearn.status()).champion).toBe(1);
    expect((await relearn.status()).pending).toEqual({ cat: 0, dog: 0 });
    expect(await keys('feedback/')).toHaveLength(4);
    relearn = await open(place);
    expect(await relearn.considerTraining()).toMatchObject({ result: { trained: false } });
    await sendEnough(4);
    expect(await relearn.considerTraining()).toMatchObject({ result: { version: 3 } });
    expect(await keys('feedback/')).toEqual([]);
    expect(await keys('archive/')).toHaveLength(8);
  });

  test('learns again, after a rollback, what the version left behind knew', async () => {
    await relearn.train();
    await sendEnough(0);
    await relearn.considerTraining();
    await relearn.models.rollback();
    expect((await relearn.status()).pending).toEqual({ cat: 0, dog: 0 });
    await sendEnough(4);
    await relearn.considerTraining();
    const shown = await relearn.models.show(3);
    expect(shown).toMatchObject({ parent: 1, lineage: [3, 1] });
    const { key } = shown.manifest as { key: string };
    const manifest = JSON.parse(String(Buffer.from((await place.store.get(key)) ?? [])));
    expect(manifest.feedback).toHaveLength(8);
  });

  test('shows again what the lineage has learnt, beside what is new', async () => {
    await relearn.train();
    await sendEnough(0);
    await relearn.considerTraining();
    await sendEnough(4);
    await relearn.considerTraining();
    const shown = await relearn.models.show(3);
    const { key } = shown.manifest as { key: string };
    const manifest = JSON.parse(String(Buffer.from((await place.store.get(key)) ?? [])));
    expect(manifest.feedback).toHaveLength(4);
    expect(manifest.replay).toEqual([
      (await relearn.models.show(2)).manifest,
      (await relearn.models.show(1)).manifest,
    ]);
  });

  test('starts every eighth version or so from scratch, with all feedback', async () => {
    await relearn.train();
    await sendEnough(0);
    for (let version = 2; version <= 9; version++) await relearn.train();
    const parents = (await relearn.models.list()).versions.map(({ parent }) => parent);
    expect(parents).toEqual([null, 1, 2, 3, 4, 5, 6, 7, null]);
    const { key } = (await relearn.models.show(9)).manifest as { key: string };
    const manifest = JSON.parse(String(Buffer.from((await place.store.get(key)) ?? [])));
    expect(manifest).toMatchObject({ parent: null, replay: [] });
    expect(manifest.feedback).toHaveLength(4);
  });

  test('lets one of two trainings run', async () => {
    await relearn.train();
    await sendEnough(0);
    const other = await open(place);
    const reports = await Promise.all([relearn.considerTraining(), other.considerTraining()]);
    const trained = reports.filter(({ result }) => result.trained);
    expect(trained).toHaveLength(1);
    expect((await relearn.models.list()).versions).toHaveLength(2);
  });

  test('says that a training runs, to whoever asks', async () => {
    let finish = () => {};
    const blocked = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const compute = createTestTrainer(place.store, place.clock);
    relearn = await open(place, {
      trainer: async (request, watch) => {
        await blocked;
        return compute(request, watch);
      },
    });
    const running = relearn.train();
    const other = await open(place);
    await expect.poll(async () => (await other.status()).training).not.toBeNull();
    expect(await other.considerTraining()).toEqual({
      result: { trained: false, reason: 'already-training' },
    });
    await expect(other.train()).rejects.toMatchObject({ code: 'already_training' });
    finish();
    expect(await running).toMatchObject({ version: 1 });
    expect((await other.status()).training).toBeNull();
  });

  test('gives the lease back when the trainer fails, and the feedback waits again', async () => {
    await relearn.train();
    await sendEnough(0);
    const failing = await open(place, {
      trainer: () => Promise.reject(new Error('out of memory')),
    });
    await expect(failing.considerTraining()).rejects.toThrow('out of memory');
    expect((await failing.status()).pending).toEqual({ cat: 2, dog: 2 });
    expect(await relearn.considerTraining()).toMatchObject({ result: { trained: true } });
  });
});

describe('versions', () => {
  test('a request for no version or one that is not there fails by name', async () => {
    await expect(relearn.predict(picture(0))).rejects.toMatchObject({ code: 'model_not_ready' });
    expect(await relearn.readiness()).toMatchObject({ ready: false });
    await expect(relearn.models.show(7)).rejects.toMatchObject({ kind: 'not-found' });
    await expect(relearn.models.rollback()).rejects.toMatchObject({ code: 'no_previous_champion' });
  });

  test('a model that does not load never becomes champion by hand, and the old one answers on', async () => {
    await relearn.train();
    expect((await relearn.predict(picture(0))).version).toBe(1);
    await relearn.train();
    const { model } = (await relearn.models.show(2)) as { model: { key: string } };
    await relearn.models.rollback();
    await place.store.put(model.key, Buffer.from('damaged'));
    await expect(relearn.models.promote(2)).rejects.toMatchObject({ kind: 'corrupt' });
    await place.store.delete(model.key);
    await expect(relearn.models.promote(2)).rejects.toMatchObject({ code: 'version_incomplete' });
    expect((await relearn.models.list()).champion).toBe(1);
    await expect.poll(async () => (await relearn.predict(picture(0))).version).toBe(1);
  });

  test('why a damaged champion does not answer is told without naming files', async () => {
    await relearn.train();
    const { model } = (await relearn.models.show(1)) as { model: { key: string } };
    await place.store.put(model.key, Buffer.from('damaged'));
    expect(await relearn.readiness()).toEqual({
      ready: false,
      reason: 'Version 1 could not be loaded.',
    });
  });

  test('usage that cannot be is refused before anything is written', async () => {
    const before = await keys('log/');
    for (const options of [{ from: 'champion' }, { architecture: 'unheard-of' }] as const) {
      await expect(relearn.train(options)).rejects.toMatchObject({ kind: 'usage' });
    }
    expect(await keys('log/')).toEqual(before);
  });
});
