/** The training loop on small pictures that it really has to learn. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../base/clock.ts';
import { createRandom } from '../base/random.ts';
import { encodeJpeg } from '../data/decode-image.ts';
import type { LabelledPicture } from '../data/pixel-cache.ts';
import { describeModel, readModel, writeModel } from '../engine/nn/model-file.ts';
import { createClassifier } from '../engine/runtime/create-classifier.ts';
import type { Preprocessing } from '../records/preprocessing.ts';
import { evaluate } from './evaluate.ts';
import { type FitOptions, type FitRequest, type FitResult, fit } from './fit.ts';
import { type Checkpoints, checkpointsInMemory } from './training-state.ts';

const size = 32;
const preprocessing: Preprocessing = { width: size, height: size, channels: 3, fit: 'fill' };

/** Label 0: horizontal stripes, label 1: vertical ones; colours, widths and phases vary. */
const stripes = async (count: number, seed: number): Promise<LabelledPicture[]> => {
  const random = createRandom(seed);
  return Promise.all(
    Array.from({ length: count }, (_, index) => {
      const label = index % 2;
      const width = 3 + random.integer(5);
      const phase = random.integer(width);
      const colours = [0, 1].map(() => [0, 1, 2].map(() => random.integer(256)));
      const data = new Uint8Array(size * size * 3);
      for (let y = 0; y < size; y++)
        for (let x = 0; x < size; x++) {
          const stripe = Math.floor(((label === 0 ? y : x) + phase) / width) % 2;
          data.set(colours[stripe] as number[], (y * size + x) * 3);
        }
      return encodeJpeg({ width: size, height: size, channels: 3, data }).then((bytes) => ({
        label,
        bytes,
      }));
    }),
  );
};

let train: LabelledPicture[];
let validation: LabelledPicture[];
/** A training that has learnt them, with its lines and its model: most tests go on from there. */
let lesson: FitResult;
const lessonLines: string[] = [];
let taught: Uint8Array;

/** The first picture, for all. */
const alike = () => (train[0] as LabelledPicture).bytes;

const request = (options: Partial<FitOptions>, more: Partial<FitRequest> = {}): FitRequest => ({
  architecture: 'compact',
  labels: ['rows', 'columns'],
  preprocessing,
  train,
  validation,
  options: { seed: 1, batchSize: 16, rounds: 2, steps: 4, ...options },
  threads: 1,
  workers: false,
  clock: systemClock,
  ...more,
});

/** Every look at it is 200 seconds later, so that states within a round are kept as well. */
const hastyClock = (): Clock => {
  let now = 0;
  return { ...systemClock, monotonic: () => (now += 200_000) };
};

/** Runs up to its n-th checkpoint and dies there. */
const dieAt = async (n: number, options: Partial<FitOptions>, more: Partial<FitRequest> = {}) => {
  const kept = checkpointsInMemory();
  const controller = new AbortController();
  let saved = 0;
  const checkpoints: Checkpoints = {
    ...kept,
    save: async (state) => {
      await kept.save(state);
      if (++saved === n) controller.abort();
    },
  };
  const { signal } = controller;
  await expect(
    fit(request(options, { ...more, checkpoints, signal, clock: hastyClock() })),
  ).rejects.toMatchObject({ name: 'AbortError' });
  return kept;
};

beforeAll(async () => {
  train = await stripes(128, 1);
  validation = await stripes(64, 2);
  lesson = await fit(
    request({ rounds: 6, steps: 16 }, { onLine: (line) => void lessonLines.push(line) }),
  );
  taught = lesson.model;
}, 60_000);

describe('fit', () => {
  it('learns what tells the classes apart, on pictures it has not seen', async () => {
    const { curve, stoppedBecause } = lesson;
    const classifier = await createClassifier(taught);
    const { accuracy, loss } = await evaluate(classifier, validation);
    await classifier.close();
    expect(accuracy).toBeGreaterThan(0.9);
    // The best round's weights, and calibrated on these very pictures.
    expect(loss).toBeLessThanOrEqual(Math.min(...curve.map((point) => point.validationLoss)));
    expect(stoppedBecause).toBe('rounds');
    expect(lessonLines).toHaveLength(6);
    expect(lessonLines[0]).toMatch(
      /^round 1: .*, accuracy \d\.\d{4} of \d+ validation pictures, best \d\.\d{4}, may go \d more rounds without a better one/,
    );
  });

  it('gives the same model for the same seed, and another for another', async () => {
    const [first, again, other] = [
      await fit(request({})),
      await fit(request({})),
      await fit(request({ seed: 2 })),
    ];
    expect(Buffer.compare(first.model, again.model)).toBe(0);
    expect(Buffer.compare(first.model, other.model)).not.toBe(0);
  });

  it('writes a file that says what it is', async () => {
    const { model } = await fit(request({ rounds: 1, steps: 1 }));
    expect(describeModel(model)).toEqual({
      architecture: 'compact',
      labels: ['rows', 'columns'],
      // A sixth larger than what it trained on.
      preprocessing: { ...preprocessing, width: 37, height: 37 },
      readout: { mirror: true, temperature: expect.any(Number) },
    });
  });

  it('continues from a model', async () => {
    const model = taught;
    const { curve } = await fit(
      request({ rounds: 1, steps: 1, learningRate: 1e-6 }, { initial: model }),
    );
    expect(curve[0]?.validationAccuracy).toBeGreaterThan(0.9);
  });

  it('continues with other labels: same names keep what they know, in whatever order', async () => {
    const model = taught;
    const flipped = (pictures: readonly LabelledPicture[]) =>
      pictures.map(({ label, bytes }) => ({ label: 2 - label, bytes }));
    const { model: continued, curve } = await fit(
      request(
        { rounds: 1, steps: 1, learningRate: 1e-6 },
        {
          initial: model,
          labels: ['dots', 'columns', 'rows'],
          train: flipped(train),
          validation: flipped(validation),
        },
      ),
    );
    expect(describeModel(continued).labels).toEqual(['dots', 'columns', 'rows']);
    expect(curve[0]?.validationAccuracy).toBeGreaterThan(0.9);
  });

  it('continues from a model of an earlier release, which answers on the size it trained on', async () => {
    const former = writeModel({ ...readModel(taught), preprocessing });
    const { curve } = await fit(
      request({ rounds: 1, steps: 1, learningRate: 1e-6 }, { initial: former }),
    );
    expect(curve[0]?.validationAccuracy).toBeGreaterThan(0.9);
  });

  it('refuses to continue from a model of another size', async () => {
    const { model } = await fit(request({ rounds: 1, steps: 1 }));
    const larger = { ...preprocessing, width: 64, height: 64 };
    await expect(fit(request({}, { initial: model, preprocessing: larger }))).rejects.toMatchObject(
      { code: 'incompatible_model' },
    );
  });

  it('stops at the accuracy that was asked for', async () => {
    const { stoppedBecause, rounds } = await fit(request({ rounds: 20, targetAccuracy: 0.4 }));
    expect(stoppedBecause).toBe('target-accuracy');
    expect(rounds).toBeLessThan(20);
  });

  it('stops when patience is used up', async () => {
    const { stoppedBecause, rounds } = await fit(
      request({ rounds: 50, steps: 1, patience: 1, learningRate: 1e-9 }),
    );
    expect(stoppedBecause).toBe('patience');
    expect(rounds).toBeLessThan(50);
  });

  it('stops when the minutes are over, with a model', async () => {
    const { stoppedBecause, model } = await fit(
      request({ rounds: 1000, maxMinutes: 30 }, { clock: hastyClock() }),
    );
    expect(stoppedBecause).toBe('minutes');
    expect(describeModel(model).labels).toHaveLength(2);
  });

  it('goes back and slows down where the rate is too high, and learns then', async () => {
    const lines: string[] = [];
    const { curve, stoppedBecause } = await fit(
      request({ rounds: 3, learningRate: 1 }, { onLine: (line) => lines.push(line) }),
    );
    expect(lines[0]).toMatch(/diverged: at step \d+.*Going back/);
    expect(stoppedBecause).toBe('rounds');
    expect(curve.map(({ step }) => step)).toEqual([4, 8, 12]);
  });

  it('starts over where a rate far too high has left a network that only guesses', async () => {
    const lines: string[] = [];
    // Losses stay finite: the answers have come down to one and the same.
    const { curve } = await fit(
      request({ rounds: 6, steps: 10, learningRate: 0.5 }, { onLine: (line) => lines.push(line) }),
    );
    const said = lines.findIndex((line) => line.includes('diverged'));
    expect(lines[said]).toMatch(/learning rate of 0.500 .*guessing costs 0.6931. Starting over/);
    expect(curve.map(({ step }) => step)).toEqual([10, 20, 30, 40, 50, 60]);
    expect(curve.at(-1)?.trainLoss).toBeLessThan(0.6);
  });

  it.each<[string, () => Partial<FitRequest>]>([
    ['labels at random', () => ({ train: train.map((x, i) => ({ ...x, label: (i >> 1) % 2 })) })],
    ['pictures all alike', () => ({ train: train.map((x) => ({ ...x, bytes: alike() })) })],
    ['one picture of each class', () => ({ train: train.slice(0, 2) })],
    ['classes of 1 and many', () => ({ train: train.filter((x, i) => x.label === 0 || i === 1) })],
    [
      'a champion whose labels were swapped',
      () => ({ initial: taught, labels: ['columns', 'rows'] }),
    ],
  ])('does not take %s for a rate too high', async (_, more) => {
    const lines: string[] = [];
    const options = { rounds: 3, steps: 10, learningRate: 0.02 };
    await fit(request(options, { ...more(), onLine: (line) => lines.push(line) }));
    expect(lines.filter((line) => line.includes('diverged'))).toEqual([]);
    expect(lines).toHaveLength(3);
  });

  it('ends with the numbers where a tenth of the rate diverges as well', async () => {
    const running = fit(request({ rounds: 5, learningRate: 1000 }));
    await expect(running).rejects.toMatchObject({
      code: 'training_diverged',
      message: expect.stringMatching(
        /at step \d+, with the learning rate \S+, the loss was .*tenth of the rate: at step \d+/,
      ),
      hint: expect.stringContaining('Leave --learning-rate out, or choose one near 0.0'),
    });
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    const running = fit(
      request(
        { rounds: 1000 },
        { signal: controller.signal, onProgress: () => controller.abort() },
      ),
    );
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
  });

  describe('the race between starts', () => {
    const options = { rounds: 8, steps: 4, race: true };
    const minute = 60_000;

    let raced: FitResult;
    const lines: string[] = [];
    beforeAll(async () => {
      raced = await fit(
        request(options, { initial: taught, onLine: (line) => void lines.push(line) }),
      );
    }, minute);

    it('goes on from a champion that is ahead', () => {
      expect(raced).toMatchObject({ start: 'champion', race: { rounds: 1 } });
      expect(raced.race?.championLoss).toBeLessThan(raced.race?.scratchLoss ?? 0);
      expect(lines[0]).toBe('race: 1 round from the champion, then as many from scratch');
      expect(lines[1]).toMatch(/^race over 1 round: .* on from champion$/);
      expect(lines).toHaveLength(2 + raced.rounds);
    });

    it(
      'goes on from fresh weights where the champion has stopped learning',
      async () => {
        // Without kernels there is nothing that noise or gradients could move.
        const weights = new Map(
          [...readModel(taught).weights].map(([name, data]) => [
            name,
            name.endsWith('/kernel') ? new Float32Array(data.length) : data,
          ]),
        );
        const initial = writeModel({ ...readModel(taught), weights });
        // Enough steps for a heat to tell; the training that follows may end at once.
        const longer = { rounds: 8, steps: 16, targetAccuracy: 0.3 };
        const won = await fit(request({ ...longer, race: true }, { initial }));
        expect(won.start).toBe('scratch');
        const alone = await fit(request(longer));
        expect(Buffer.compare(won.model, alone.model)).toBe(0);
      },
      minute,
    );

    it('is not run where the heats would cost more than they tell, or nothing can judge', async () => {
      const { model } = await fit(request({ rounds: 1, steps: 1 }));
      const few = await fit(request({ ...options, rounds: 2 }, { initial: model }));
      const blind = await fit(
        request({ ...options, steps: 1 }, { initial: model, validation: [] }),
      );
      expect([few, blind]).toMatchObject([
        { start: 'champion', race: null },
        { start: 'champion', race: null },
      ]);
    });

    it(
      'is over when an interrupted training goes on',
      async () => {
        const more = { initial: taught };
        const checkpoints = await dieAt(2, options, more);
        const linesAfter: string[] = [];
        const resumed = await fit(
          request(options, {
            ...more,
            checkpoints,
            resume: true,
            onLine: (line) => void linesAfter.push(line),
          }),
        );
        expect(Buffer.compare(resumed.model, raced.model)).toBe(0);
        expect(resumed.race).toEqual(raced.race);
        expect(linesAfter[0]).toMatch(/^round/);
      },
      minute,
    );
  });

  describe('interrupted and resumed', () => {
    const options = { rounds: 3, steps: 5 };
    let whole: FitResult;
    beforeAll(async () => {
      whole = await fit(request(options));
    });

    it.each([1, 2, 4, 6])('at checkpoint %d gives the same model, bit for bit', async (n) => {
      const checkpoints = await dieAt(n, options);
      const { model, curve } = await fit(request(options, { checkpoints, resume: true }));
      expect(Buffer.compare(model, whole.model)).toBe(0);
      expect(curve).toEqual(whole.curve);
    });
  });

  it('needs pictures', async () => {
    await expect(fit(request({}, { train: [] }))).rejects.toMatchObject({
      code: 'no_training_pictures',
    });
  });
});
