/** Operations on a head of two features by hand, and on whole networks by running them. */
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../base/random.ts';
import { createClassifier } from '../runtime/create-classifier.ts';
import { createSession } from '../runtime/session.ts';
import { float32 } from '../tensor/tensor.ts';
import { architectures } from './architectures.ts';
import {
  addClass,
  type HeadPlan,
  keepClasses,
  mergeClasses,
  operateHead,
  planForLabels,
  removeClass,
  renameClass,
  reorderClasses,
} from './head-surgery.ts';
import { type Model, writeModel } from './model-file.ts';
import { plainReadout } from './readout.ts';
import { buildServingGraph } from './serving-graph.ts';

const labels = ['cat', 'dog', 'fox'];
const preprocessing = { width: 32, height: 32, channels: 3, fit: 'fill' } as const;

/** Rows (1, 2), (3, 4), (5, 9) and biases 0.5, −0.5, 3. */
const byHand: Model = {
  architecture: 'compact',
  labels,
  preprocessing,
  readout: plainReadout,
  weights: new Map([
    ['stem/conv/kernel', Float32Array.of(7)],
    ['logits/kernel', Float32Array.of(1, 2, 3, 4, 5, 9)],
    ['logits/bias', Float32Array.of(0.5, -0.5, 3)],
  ]),
};

const headOf = ({ weights }: Model) => ({
  kernel: [...(weights.get('logits/kernel') ?? [])],
  bias: [...(weights.get('logits/bias') ?? [])],
});

describe('a head of two features', () => {
  const all = keepClasses(labels);

  it('stays as it is when every class is kept', () => {
    expect(headOf(operateHead(byHand, all))).toEqual(headOf(byHand));
  });

  it('loses, renames and reorders classes with their rows', () => {
    const plan = reorderClasses(renameClass(removeClass(all, 'dog'), 'fox', 'wolf'), [
      'wolf',
      'cat',
    ]);
    const operated = operateHead(byHand, plan);
    expect(operated.labels).toEqual(['wolf', 'cat']);
    expect(headOf(operated)).toEqual({ kernel: [5, 9, 1, 2], bias: [3, 0.5] });
  });

  it('takes a new order only whole, so that no class is lost by it', () => {
    expect(() => reorderClasses(all, ['fox', 'cat'])).toThrow('The new order leaves out "dog".');
  });

  it('merges by the mean of the rows and ln 2 more bias', () => {
    const operated = operateHead(byHand, mergeClasses(all, ['cat', 'fox'], 'animal'));
    expect(operated.labels).toEqual(['animal', 'dog']);
    expect(headOf(operated)).toEqual({
      kernel: [3, 5.5, 3, 4],
      bias: [expect.closeTo(1.75 + Math.log(2), 6), -0.5],
    });
  });

  it('adds a class below the mean of the others', () => {
    const operated = operateHead(byHand, addClass(all, 'owl'));
    expect(headOf(operated)).toEqual({
      kernel: [1, 2, 3, 4, 5, 9, 3, 5],
      bias: [0.5, -0.5, 3, -1],
    });
  });

  it('starts at zero where no class is kept', () => {
    const operated = operateHead(byHand, planForLabels(labels, ['owl', 'bat']));
    expect(headOf(operated)).toEqual({ kernel: [0, 0, 0, 0], bias: [0, 0] });
  });

  it('leaves the other weights and the model it was given alone', () => {
    const before = headOf(byHand);
    const operated = operateHead(byHand, removeClass(all, 'cat'));
    expect(operated.weights.get('stem/conv/kernel')).toBe(byHand.weights.get('stem/conv/kernel'));
    expect(headOf(byHand)).toEqual(before);
  });

  it.each<[code: string, plan: HeadPlan]>([
    ['unknown_label', [...all, { label: 'owl', from: ['bird'] }]],
    ['invalid_head_plan', [...all, { label: 'cat', from: [] }]],
    ['invalid_head_plan', [...all, { label: 'puppy', from: ['dog'] }]],
    ['invalid_head_plan', [{ label: 'cat', from: ['cat'] }]],
  ])('refuses a plan that makes no sense: %s', (code, plan) => {
    expect(() => operateHead(byHand, plan)).toThrow(expect.objectContaining({ code }));
  });

  it('refuses a model without a head', () => {
    const headless = { ...byHand, weights: new Map() };
    expect(() => operateHead(headless, all)).toThrow(
      expect.objectContaining({ code: 'invalid_model_file' }),
    );
  });
});

describe('a whole network', () => {
  const random = createRandom(5);
  const { parameters } = buildServingGraph(architectures.compact, { classes: 3, imageSize: 32 });
  const model: Model = {
    ...byHand,
    weights: new Map(parameters.map(({ value, initialize }) => [value.name, initialize(random)])),
  };
  const count = 8;
  const images = float32(
    [count, 3, 32, 32],
    Float32Array.from({ length: count * 3 * 32 * 32 }, () => random.next()),
  );

  const logitsOf = async (of: Model): Promise<readonly (readonly number[])[]> => {
    const session = await createSession(writeModel(of));
    const { logits } = await session.run({ images });
    await session.close();
    const classes = of.labels.length;
    return Array.from({ length: count }, (_, n) =>
      Array.from({ length: classes }, (__, k) => Number(logits?.data[n * classes + k])),
    );
  };

  it('answers the same, bit for bit, for the classes that were kept', async () => {
    const before = await logitsOf(model);
    const plan = reorderClasses(addClass(removeClass(keepClasses(labels), 'dog'), 'owl'), [
      'fox',
      'owl',
      'cat',
    ]);
    const after = await logitsOf(operateHead(model, plan));
    expect(after.map(([fox, , cat]) => [cat, fox])).toEqual(
      before.map(([cat, , fox]) => [cat, fox]),
    );
  });

  it('never predicts a class that was just added, and gives it little', async () => {
    const classifier = await createClassifier(
      writeModel(operateHead(model, addClass(keepClasses(labels), 'owl'))),
    );
    const pixels = Uint8Array.from({ length: count * 32 * 32 * 3 }, () => random.integer(256));
    const scores = await classifier.classify(pixels, count);
    await classifier.close();
    for (let n = 0; n < count; n++) {
      const [cat = 0, dog = 0, fox = 0, owl = 1] = scores.subarray(n * 4, n * 4 + 4);
      expect(owl).toBeLessThan(Math.max(cat, dog, fox));
      expect(owl).toBeLessThan(Math.exp(-2) / 3);
    }
  });

  it('scores a merged class at most as high as the two together, which is its log-sum-exp', async () => {
    const before = await logitsOf(model);
    const merged = operateHead(model, mergeClasses(keepClasses(labels), ['cat', 'fox'], 'red'));
    const after = await logitsOf(merged);
    after.forEach(([red = Number.NaN, dog], n) => {
      const [cat = 0, dogBefore, fox = 0] = before[n] as readonly number[];
      expect(dog).toBe(dogBefore);
      const together = Math.log(Math.exp(cat) + Math.exp(fox));
      expect(red).toBeLessThanOrEqual(together + 1e-5);
      expect(red).toBeCloseTo((cat + fox) / 2 + Math.log(2), 4);
    });
  });
});
