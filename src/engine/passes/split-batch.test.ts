/** A batch worked through in parts gives the numbers of the whole. */
import { describe, expect, it } from 'vitest';
import { runOnNoise } from '../../../test/run-on-noise.ts';
import { differentiate } from '../autodiff/differentiate.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Graph } from '../graph/graph.ts';
import { simplify } from '../graph/simplify.ts';
import { lowerPlain } from './lower-plain.ts';
import { splitBatch } from './split-batch.ts';
import { statisticsOfBatch } from './statistics-of-batch.ts';

/** Two convolutions with batch normalization, pooled to a mean, a loss and its gradients. */
const network = (batch: number, size: number) => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', [batch, 1, size, size]);
  const targets = b.input('targets', 'float32', [batch, 4]);
  const shapes = { first: [4, 1, 3, 3], second: [4, 4, 3, 3], scale: [4], bias: [4] };
  const weights = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, b.input(name, 'float32', shape)]),
  ) as Record<keyof typeof shapes, ReturnType<typeof b.input>>;
  const attributes = { strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 } as const;
  const copy = (value: typeof x) => b.apply('Mul', [value, b.scalar(0)]);
  const { first, second, scale, bias } = weights;
  const [normalized] = b.node(
    'BatchNormalization',
    [b.apply('Conv', [x, first], attributes), scale, bias, copy(scale), copy(bias)],
    { epsilon: 1e-3, training: true },
  );
  const pooled = b.apply('MaxPool', [normalized as typeof x], {
    kernel: [2, 2],
    strides: [2, 2],
    pads: [0, 0, 0, 0],
    dilations: [1, 1],
  });
  const y = b.apply('Conv', [b.apply('Relu', [pooled]), second], attributes);
  const logits = b.apply('ReduceMean', [y], { axes: [2, 3], keepDimensions: false });
  const products = b.apply('Mul', [targets, b.apply('LogSoftmax', [logits], { axis: 1 })]);
  const loss = b.apply('ReduceSum', [products], { axes: [0, 1], keepDimensions: false });
  b.output('loss', loss);
  b.output('logits', logits);
  const names = Object.keys(weights);
  differentiate(b, loss, Object.values(weights)).forEach((gradient, i) => {
    b.output(`gradient/${names[i]}`, gradient);
  });
  return { graph: statisticsOfBatch(simplify(b.build())), inputs: [x, targets] };
};

const run = (graph: Graph) => runOnNoise(simplify(lowerPlain(graph)), 2);

describe('splitting the batch', () => {
  it.each([
    ['parts of sixteen', undefined],
    ['pairs while pictures are huge, sixteen afterwards', 65_536],
    ['pairs throughout', 16_384],
  ])(
    'keeps loss, logits and gradients, statistics of the whole batch included: %s',
    async (_, huge) => {
      const { graph, inputs } = network(48, 128);
      const parts = splitBatch(graph, inputs, huge);
      const convolutions = (g: Graph) => g.nodes.filter(({ op }) => op === 'Conv').length;
      // What leads to small pictures only is whole again: the gradient of the mean.
      expect(convolutions(parts)).toBeGreaterThan(2 * convolutions(graph));
      const [expected, actual] = [await run(graph), await run(parts)];
      for (const [name, { data }] of Object.entries(expected))
        data.forEach((value, i) => {
          const scale = Math.max(1, Math.abs(Number(value)));
          const difference = Math.abs(Number(actual[name]?.data[i]) - Number(value));
          expect(difference / scale, `${name}, element ${i}`).toBeLessThan(1e-3);
        });
    },
  );

  it('leaves small pictures and odd batches whole', () => {
    for (const { graph, inputs } of [network(48, 8), network(50, 128)]) {
      const nodes = simplify(splitBatch(graph, inputs)).nodes.length;
      expect(nodes).toBe(simplify(graph).nodes.length);
    }
  });
});
