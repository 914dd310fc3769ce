/** A model file in this thread: what goes in, what comes out, and what is refused. */
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../base/random.ts';
import { architectures } from '../nn/architectures.ts';
import { type Model, writeModel } from '../nn/model-file.ts';
import { plainReadout, type Readout } from '../nn/readout.ts';
import { buildServingGraph } from '../nn/serving-graph.ts';
import { softmaxRows } from '../tensor/reduce.ts';
import { createClassifier, toImages } from './create-classifier.ts';
import { createTrainingSession } from './training-session.ts';

const size = 32;
const labels = ['cat', 'dog', 'fox'];
const random = createRandom(4);
const pixels = (count: number) =>
  Uint8Array.from({ length: count * size * size * 3 }, () => random.integer(256));

const freshModel = (): Model => {
  const { parameters } = buildServingGraph(architectures.compact, { classes: 3, imageSize: size });
  return {
    architecture: 'compact',
    labels,
    preprocessing: { width: size, height: size, channels: 3, fit: 'fill' },
    readout: plainReadout,
    weights: new Map(parameters.map(({ value, initialize }) => [value.name, initialize(random)])),
  };
};

describe('a classifier', () => {
  it('answers with a distribution for each picture, the same alone and in a batch', async () => {
    const classifier = await createClassifier(writeModel(freshModel()));
    const three = pixels(3);
    const together = await classifier.classify(three, 3);
    expect(together).toHaveLength(9);
    for (let i = 0; i < 3; i++) {
      const row = together.subarray(i * 3, i * 3 + 3);
      expect(row.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
      const alone = await classifier.classify(three.slice(i * 3072, (i + 1) * 3072), 1);
      alone.forEach((share, k) => {
        expect(share).toBeCloseTo(row[k] as number, 4);
      });
    }
    await classifier.close();
  });

  it('answers with the mean over picture and mirror image, and divides, where the model says so', async () => {
    const model = freshModel();
    const classify = async (readout: Readout, batch: Uint8Array, count: number) => {
      const classifier = await createClassifier(writeModel({ ...model, readout }));
      expect(classifier.temperature).toBe(readout.temperature);
      const rows = await classifier.classify(batch, count);
      await classifier.close();
      return rows;
    };
    const batch = pixels(3);
    const mirrored = batch.slice();
    for (let row = 0; row < 3 * size; row++)
      for (let x = 0; x < size; x++)
        for (let c = 0; c < 3; c++)
          mirrored[(row * size + x) * 3 + c] = batch[(row * size + size - 1 - x) * 3 + c] as number;
    const plain = await classify(plainReadout, batch, 3);
    const other = await classify(plainReadout, mirrored, 3);
    const temperature = 2.5;
    // Logarithms of shares are logits, up to a number that softmax does not see.
    const expected = softmaxRows(
      plain.map((share, i) => (Math.log(share) + Math.log(other[i] as number)) / 2 / temperature),
      3,
    );
    const answer = await classify({ mirror: true, temperature }, batch, 3);
    answer.forEach((share, i) => {
      expect(share).toBeCloseTo(expected[i] as number, 4);
    });
    const same = await classify({ mirror: true, temperature }, mirrored, 3);
    same.forEach((share, i) => {
      expect(share).toBeCloseTo(answer[i] as number, 5);
    });
  });

  it('sees what training saw: the same pixels give the same logits', async () => {
    // Fixed statistics in serving, the batch's own in training: set the fixed ones to the batch's
    // by training with rate 0 until the running averages have settled.
    const batch = pixels(4);
    const session = await createTrainingSession({
      architecture: architectures.compact,
      classes: 3,
      batchSize: 4,
      imageSize: size,
      optimizer: { kind: 'sgd', momentum: 0, weightDecay: 0 },
      random: createRandom(1),
      threads: 1,
    });
    const targets = new Float32Array(12).fill(1 / 3);
    let logits = new Float32Array();
    for (let step = 0; step < 130; step++)
      logits = new Float32Array((await session.step(batch, targets, 0)).logits);
    const classifier = await createClassifier(
      writeModel({ ...freshModel(), weights: session.weights() }),
    );
    const served = await classifier.classify(batch, 4);
    for (let row = 0; row < 4; row++) {
      const exponentials = [0, 1, 2].map((k) => Math.exp(logits[row * 3 + k] as number));
      const sum = exponentials.reduce((a, b) => a + b, 0);
      exponentials.forEach((value, k) => {
        expect(served[row * 3 + k]).toBeCloseTo(value / sum, 2);
      });
    }
    await classifier.close();
    await session.close();
  });

  it('refuses to answer with numbers that are none', async () => {
    const model = freshModel();
    model.weights.get('logits/bias')?.fill(Number.NaN);
    const classifier = await createClassifier(writeModel(model));
    await expect(classifier.classify(pixels(1), 1)).rejects.toMatchObject({
      code: 'model_output_invalid',
    });
    await classifier.close();
  });

  it('refuses a file that is cut short, empty or no model of Relearn', async () => {
    const bytes = writeModel(freshModel());
    for (const damaged of [bytes.subarray(0, bytes.length >> 1), new Uint8Array(), pixels(1)]) {
      await expect(createClassifier(damaged)).rejects.toMatchObject({ code: 'invalid_model_file' });
    }
  });
});

it('model input is planar and scaled to 0..1', () => {
  const input = toImages(Uint8Array.from([0, 51, 255, 102, 153, 204]), 1, 3);
  expect([...input]).toEqual([0, 0.4, 0.2, 0.6, 1, 0.8].map((value) => expect.closeTo(value, 6)));
});
