import { describe, expect, it } from 'vitest';
import { createRandom } from '../base/random.ts';
import { type Head, type HeadExamples, trainHead } from './train-head.ts';

const size = 6;

/**
 * Clouds around one corner for each class; feature 0 is a thousand times larger than the others,
 * feature 5 never changes.
 */
const clouds = (counts: readonly number[], trained: number, spread: number): HeadExamples => {
  const random = createRandom(5);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const labels = Int32Array.from(
    random.shuffle(counts.flatMap((count, label) => Array<number>(count).fill(label))),
  );
  const features = new Float32Array(total * size);
  labels.forEach((label, row) => {
    for (let f = 0; f < size; f++) {
      const corner = f === label ? 2 : 0;
      features[row * size + f] = f === 5 ? 7 : corner + spread * random.normal();
    }
    features[row * size] = 1000 * (features[row * size] as number);
  });
  return { features, size, labels, trained };
};

const answer = ({ kernel, bias }: Head, row: Float32Array): number => {
  const logits = [...bias].map((value, k) =>
    row.reduce((sum, x, f) => sum + x * (kernel[k * size + f] as number), value),
  );
  return logits.indexOf(Math.max(...logits));
};

const accuracy = (head: Head, { features, labels }: HeadExamples, from = 0): number => {
  const rows = [...labels.keys()].slice(from);
  const right = rows.filter(
    (row) => answer(head, features.subarray(row * size, (row + 1) * size)) === labels[row],
  );
  return right.length / rows.length;
};

describe('a head', () => {
  it('tells classes apart, whatever the scale of the features', async () => {
    const examples = clouds([300, 300, 300], 600, 0.4);
    const { head, best } = await trainHead(examples, { classes: 3, threads: 1 });
    expect(accuracy(head, examples, 600)).toBeGreaterThan(0.97);
    // What it said of the validation rows is what the finished head does.
    expect(accuracy(head, examples, 600)).toBeCloseTo(best.validation.accuracy, 5);
  });

  it('gives a rare class the weight of a common one', async () => {
    const examples = clouds([900, 30], 930, 1.2);
    const { head } = await trainHead(examples, { classes: 2, threads: 1 });
    const rare = [...examples.labels.keys()].filter((row) => examples.labels[row] === 1);
    const right = rare.filter(
      (row) => answer(head, examples.features.subarray(row * size, (row + 1) * size)) === 1,
    );
    expect(right.length / rare.length).toBeGreaterThan(0.8);
  });

  it('is the same each time', async () => {
    const examples = clouds([60, 60], 100, 1);
    const [first, second] = [
      await trainHead(examples, { classes: 2, threads: 2 }),
      await trainHead(examples, { classes: 2, threads: 2 }),
    ];
    expect(first.head).toEqual(second.head);
  });

  it('penalizes more where few noisy pictures would be learnt by heart', async () => {
    const noisy = await trainHead(clouds([20, 20], 40, 4), { classes: 2, threads: 1 });
    const clear = await trainHead(clouds([300, 300], 400, 0.4), { classes: 2, threads: 1 });
    expect(noisy.best.penalty).toBeGreaterThan(clear.best.penalty);
  });

  it('says nothing wild where there is nothing to learn from', async () => {
    const alike: HeadExamples = {
      features: new Float32Array(4 * size).fill(1),
      size,
      labels: Int32Array.of(0, 1, 0, 1),
      trained: 4,
    };
    const { head } = await trainHead(alike, { classes: 2, threads: 1 });
    expect([...head.kernel, ...head.bias].every(Number.isFinite)).toBe(true);
    const one: HeadExamples = {
      ...alike,
      labels: Int32Array.of(0),
      features: new Float32Array(size),
      trained: 1,
    };
    expect((await trainHead(one, { classes: 2, threads: 1 })).head.bias).toHaveLength(2);
  });

  it('ends when it is told to', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    const examples = clouds([30, 30], 60, 1);
    await expect(trainHead(examples, { classes: 2, threads: 1, signal })).rejects.toThrow('enough');
  });
});
