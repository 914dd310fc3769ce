/** Heads on a small imported network: what is computed, what is kept, and what is said of it. */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { floats, onnxFile, smallClassifier } from '../../test/onnx-file.ts';
import { systemClock } from '../base/clock.ts';
import { sha256 } from '../base/hash.ts';
import { createRandom } from '../base/random.ts';
import { encodePng } from '../data/decode-image.ts';
import type { LabelledPicture } from '../data/pixel-cache.ts';
import { describeModel, readModel } from '../engine/nn/model-file.ts';
import { importBackbone } from '../engine/nn/transfer.ts';
import { createClassifier } from '../engine/runtime/create-classifier.ts';
import { cachePrefix } from '../records/keys.ts';
import { createMemoryStore } from '../storage/memory.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { evaluate } from './evaluate.ts';
import { type FitTransferRequest, fitTransfer } from './fit-transfer.ts';

const file = onnxFile(smallClassifier);
const backbone = { sha256: sha256(file), network: importBackbone(file) };
const side = 8;

/** Label 0 is reddish, label 1 bluish. */
const tinted = (count: number, seed: number): Promise<LabelledPicture[]> => {
  const random = createRandom(seed);
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const label = index % 2;
      const data = Uint8Array.from(
        { length: side * side * 3 },
        (_, i) => random.integer(150) + (i % 3 === 2 * label ? 60 : 0),
      );
      const bytes = await encodePng({ width: side, height: side, channels: 3, data });
      return { label, bytes, sha256: sha256(bytes) };
    }),
  );
};

let store: ObjectStore;
let pictures: LabelledPicture[];
const lines: string[] = [];

const request = (more: Partial<FitTransferRequest> = {}): FitTransferRequest => ({
  architecture: 'small.onnx',
  backbone,
  store,
  labels: ['red', 'blue'],
  preprocessing: { width: side, height: side, channels: 3, fit: 'fill' },
  train: pictures.slice(0, 120),
  validation: pictures.slice(120, 160),
  holdout: pictures.slice(160),
  options: { seed: 1 },
  threads: 1,
  workers: false,
  clock: systemClock,
  onLine: (line) => void lines.push(line),
  ...more,
});

beforeAll(async () => {
  pictures = await tinted(240, 3);
});
beforeEach(() => {
  store = createMemoryStore();
  lines.length = 0;
});

describe('a head on an imported network', () => {
  it('learns, and its file answers as it was judged', async () => {
    const { model, judge, curve, rounds } = await fitTransfer(request());
    expect(describeModel(model)).toMatchObject({
      architecture: 'small.onnx',
      backbone: backbone.sha256,
    });
    expect(curve).toHaveLength(rounds);
    const judged = await judge(model);
    const classifier = await createClassifier(model);
    const own = await evaluate(classifier, request().holdout);
    await classifier.close();
    expect(judged?.predicted).toEqual(own.predicted);
    expect(judged?.accuracy).toBeGreaterThan(0.9);
  });

  it('learns from and answers with mirror images too, where it is asked or its model does so', async () => {
    const { model } = await fitTransfer(request({ options: { seed: 1, mirror: true } }));
    expect(readModel(model).readout.mirror).toBe(true);
    const next = await fitTransfer(request({ initial: model }));
    expect(lines.at(-1)).toMatch(/^head on/);
    expect(lines.filter((line) => line.includes('240 pictures, 0 of them new'))).toHaveLength(1);
    expect(readModel(next.model).readout.mirror).toBe(true);

    const judged = await next.judge(next.model);
    const classifier = await createClassifier(next.model);
    expect(judged?.predicted).toEqual((await evaluate(classifier, request().holdout)).predicted);
    await classifier.close();
    const plain = await fitTransfer(request());
    expect(await plain.judge(next.model)).toBeUndefined();
  });

  it('says which pictures the accuracies of its rounds are of', async () => {
    await fitTransfer(request());
    expect(lines.find((line) => line.startsWith('round 1'))).toMatch(
      /accuracy \d\.\d{4} of \d+ training pictures in turn \(cross-validation\), best \d/,
    );
  });

  it('says which options a new head does not heed', async () => {
    await fitTransfer(request({ options: { seed: 1, rounds: 1, learningRate: 100 } }));
    expect(lines).toContain(
      'without effect on a new head, only with --fine-tune: --rounds, --learning-rate',
    );
  });

  it('computes a picture once', async () => {
    const { model } = await fitTransfer(request());
    expect(lines[0]).toMatch(/^features of 240 pictures, 240 of them new/);
    lines.length = 0;
    const again = await fitTransfer(request({ initial: model }));
    expect(lines[0]).toMatch(/^features of 240 pictures, 0 of them new/);
    expect(Buffer.compare(again.model, model)).toBe(0);
  });

  it('comes out the same whether features were kept or computed, or the cache is damaged', async () => {
    const { model } = await fitTransfer(request());
    for await (const { key } of store.list(cachePrefix)) await store.put(key, Buffer.from('junk'));
    expect(Buffer.compare((await fitTransfer(request())).model, model)).toBe(0);
    expect(lines.at(-1)).not.toBe('');
    expect(lines.filter((line) => line.includes('240 of them new'))).toHaveLength(2);
  });

  it('judges no model that computes other features', async () => {
    const { judge } = await fitTransfer(request());
    const other = onnxFile({
      ...smallClassifier,
      initializers: [
        floats('conv.weight', [5, 3, 3, 3], Array(135).fill(0.1)),
        ...(smallClassifier.initializers ?? []).slice(1),
      ],
    });
    const stranger = await fitTransfer(
      request({ backbone: { sha256: sha256(other), network: importBackbone(other) } }),
    );
    expect(await judge(stranger.model)).toBeUndefined();
  });

  it('refuses features that are not numbers, and keeps none of them', async () => {
    const broken = onnxFile({
      ...smallClassifier,
      initializers: [
        floats('conv.weight', [5, 3, 3, 3], Array(135).fill(1e38)),
        ...(smallClassifier.initializers ?? []).slice(1),
      ],
    });
    const asked = request({
      backbone: { sha256: sha256(broken), network: importBackbone(broken) },
    });
    await expect(fitTransfer(asked)).rejects.toMatchObject({ code: 'features_not_finite' });
    for await (const { key } of store.list(cachePrefix)) expect(key).toBe('nothing');
  });

  it('learns from one picture of each class without falling over', async () => {
    const { model } = await fitTransfer(
      request({ train: pictures.slice(0, 2), validation: [], holdout: pictures.slice(0, 1) }),
    );
    expect(describeModel(model).labels).toEqual(['red', 'blue']);
  });
});

describe('fine-tuning', () => {
  it('goes on from the head and keeps what the validation pictures answer better', async () => {
    const options = { seed: 1, fineTune: 1, rounds: 2, steps: 5, batchSize: 8, learningRate: 1e-3 };
    const { model, rounds, curve, start, transfer } = await fitTransfer(request({ options }));
    const decision = lines.find((line) => line.startsWith('validation loss')) ?? '';
    const [before, after] = [...decision.matchAll(/\d\.\d+/g)].map(([number]) => Number(number));
    const kept = readModel(model).weights.get('backbone/conv.weight') as Float32Array;
    const own = backbone.network.weights.get('backbone/conv.weight') as Float32Array;
    expect(Buffer.compare(Buffer.from(kept.buffer), Buffer.from(own.slice().buffer)) !== 0).toBe(
      (after as number) < (before as number),
    );
    expect(transfer).toEqual({
      ...{ blocks: 1, tuned: 1, mirror: false, kept: (after as number) < (before as number) },
      headLoss: expect.closeTo(before as number, 4),
      tunedLoss: expect.closeTo(after as number, 4),
    });
    expect(curve).toHaveLength(rounds);
    // Not the head that it went on from, but what the whole training started as.
    expect(start).toBe('scratch');
  });

  it('goes on in trainings that continue such a model, unless they are told otherwise', async () => {
    const short = { seed: 1, rounds: 1, steps: 3, batchSize: 8, learningRate: 0.003 };
    const tuned = await fitTransfer(request({ options: { ...short, fineTune: 1 } }));
    const decisionOf = async (options: FitTransferRequest['options']) => {
      lines.length = 0;
      await fitTransfer(request({ initial: tuned.model, options }));
      return lines.find((line) => line.startsWith('validation loss'));
    };
    expect(await decisionOf(short)).toContain('fine-tuned');
    expect(await decisionOf({ ...short, fineTune: 0 })).toBeUndefined();
  });

  it('is judged by its file, and its successor by features of its own', async () => {
    const options = { seed: 1, fineTune: 1, rounds: 1, steps: 3, batchSize: 8, learningRate: 0.01 };
    const tuned = await fitTransfer(request({ options: { ...options, learningRate: 0.003 } }));
    const next = await fitTransfer(
      request({ initial: tuned.model, options: { seed: 1, fineTune: 0 } }),
    );
    expect(await next.judge(tuned.model)).toBeDefined();
  });

  it('leaves the head alone where nobody could say whether it helps', async () => {
    const options = { seed: 1, fineTune: 1, rounds: 1, steps: 3 };
    const { transfer } = await fitTransfer(request({ validation: [], options }));
    expect(transfer).toMatchObject({ tuned: 1, kept: false, headLoss: null, tunedLoss: null });
    expect(lines.some((line) => line.startsWith('Not fine-tuned'))).toBe(true);
  });
});
