/**
 * Whole training steps of both architectures against PyTorch. The golden numbers were written by
 * scripts/make-golden.py; weights, pictures and noise come from the formula that stands there too.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { feedBlocked, feedGroups, feedNext, plainData } from '../../../test/feed-groups.ts';
import { initialWeight, uniform } from '../../../test/golden-formula.ts';
import { toOnnx } from '../onnx/to-onnx.ts';
import { probeBlockSize } from '../runtime/probe-block-size.ts';
import { createSession } from '../runtime/session.ts';
import { sizeOf } from '../tensor/shape.ts';
import { float32, scalar, type Tensor, tensor } from '../tensor/tensor.ts';
import { architectures } from './architectures.ts';
import { smoothedTargets } from './losses.ts';
import { createOptimizer } from './optimizers.ts';
import { buildTrainingGraph } from './training-graph.ts';

interface Golden {
  readonly architecture: 'article' | 'compact';
  readonly batchSize: number;
  readonly imageSize: number;
  readonly learningRate: number;
  readonly labelSmoothing: number;
  readonly steps: readonly {
    readonly loss: number;
    readonly logits: readonly number[];
    readonly gradientNorms: Readonly<Record<string, number>>;
  }[];
  readonly weightNorms: Readonly<Record<string, number>>;
}

const golden = (name: string): Golden =>
  JSON.parse(
    readFileSync(new URL(`../../../test/golden/${name}-steps.json`, import.meta.url), 'utf8'),
  );

const norm = (data: Float32Array): number => {
  let sum = 0;
  for (const value of data) sum += value * value;
  return Math.sqrt(sum);
};

const expectClose = (actual: number, expected: number, tolerance: number, what: string) =>
  expect(Math.abs(actual - expected), `${what}: ${actual} against ${expected}`).toBeLessThan(
    tolerance * Math.max(1, Math.abs(expected)),
  );

const layouts = [
  ['plain', null],
  ['blocked', await probeBlockSize()],
] as const;

describe.each(['compact', 'article'])('a training step of %s', (name) => {
  it.each(layouts)(
    'computes in %s layout what PyTorch computes',
    async (layout, blockSize) => {
      if (layout === 'blocked' && blockSize === null) {
        console.log('skipped: ONNX Runtime has no blocked layout on this machine');
        return;
      }
      const { batchSize, imageSize, learningRate, labelSmoothing, steps, weightNorms } =
        golden(name);
      const architecture = architectures[name as Golden['architecture']];
      const optimizer = createOptimizer(architecture.recipe.scratch.optimizer);
      const { graph, groups, blocked, states, noise } = buildTrainingGraph(architecture, {
        classes: 2,
        batchSize,
        imageSize,
        optimizer,
        blockSize,
        outputGradients: true,
      });
      const session = await createSession(toOnnx(graph), { threads: 2 });
      const feeds: Record<string, Tensor> = {};
      for (const { value } of graph.parameters)
        feeds[value.name] = float32(value.shape, initialWeight(value.name, value.shape));
      for (const { name: state, shape } of states)
        feeds[state] = float32(shape, new Float32Array(sizeOf(shape)));
      feedGroups(feeds, groups);
      feedBlocked(feeds, blocked);

      for (const [index, expected] of steps.entries()) {
        const shape = [batchSize, imageSize, imageSize, architecture.channels];
        const levels = uniform(`pixels${index}`, sizeOf(shape));
        feeds.pixels = tensor(
          'uint8',
          shape,
          Uint8Array.from(levels, (level) => level * 256),
        );
        const labels = Int32Array.from({ length: batchSize }, (_, i) => i % 2);
        feeds.targets = float32([batchSize, 2], smoothedTargets(labels, 2, labelSmoothing));
        for (const value of noise)
          feeds[value.name] = float32(
            value.shape,
            Float32Array.from(uniform(`noise${index}`, sizeOf(value.shape))),
          );
        const hyperparameters = optimizer.hyperparameters(index + 1, learningRate);
        for (const [key, value] of Object.entries(hyperparameters))
          if (session.inputNames.includes(key)) feeds[key] = scalar(value);
        const outputs = await session.run(feeds);

        // Adam's first steps move every weight by the whole rate whatever the gradient's size, so
        // rounding differences grow from step to step.
        const tolerance = [1e-4, 5e-3][index] as number;
        expectClose((outputs.loss as Tensor).data[0] as number, expected.loss, tolerance, 'loss');
        expected.logits.forEach((logit, i) => {
          const actual = (outputs.logits as Tensor<'float32'>).data[i] as number;
          expectClose(actual, logit, tolerance, `logit ${i} of step ${index + 1}`);
        });
        if (index === 0) {
          for (const [weight, size] of Object.entries(expected.gradientNorms)) {
            const gradient = outputs[`gradient/${weight}`] as Tensor<'float32'>;
            expectClose(norm(gradient.data) / size, 1, 1e-3, `gradient of ${weight}`);
          }
        }
        feedNext(feeds, outputs);
      }
      for (const [weight, size] of Object.entries(weightNorms)) {
        expectClose(norm(plainData(feeds, blocked, weight)), size, 1e-2, `norm of ${weight}`);
      }
      // dense1 of `article`, with Adam's two sums.
      expect(blocked.length).toBe(blockSize && name === 'article' ? 3 : 0);
      await session.close();
    },
    60_000,
  );
});

describe('the networks', () => {
  it('have the published numbers of weights', () => {
    const count = (name: Golden['architecture']) =>
      buildTrainingGraph(architectures[name], {
        classes: 2,
        batchSize: 1,
        imageSize: architectures[name].imageSize,
        optimizer: createOptimizer(architectures[name].recipe.scratch.optimizer),
      })
        .graph.parameters.filter(({ trainable }) => trainable)
        .reduce((sum, { value }) => sum + sizeOf(value.shape), 0);
    expect(count('article')).toBe(51_448_290);
    expect(count('compact')).toBe(1_228_002);
  });
});
