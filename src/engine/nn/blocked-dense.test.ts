/** Dense layers in blocked layout compute what they compute in plain layout. */
import { describe, expect, it } from 'vitest';
import { feedBlocked, feedGroups, feedNext, plainData } from '../../../test/feed-groups.ts';
import { createRandom } from '../../base/random.ts';
import { toOnnx } from '../onnx/to-onnx.ts';
import { probeBlockSize } from '../runtime/probe-block-size.ts';
import { createSession } from '../runtime/session.ts';
import { sizeOf } from '../tensor/shape.ts';
import { float32, scalar, type Tensor, tensor } from '../tensor/tensor.ts';
import { type Architecture, architectures } from './architectures.ts';
import { intoBlocks, outOfBlocks } from './blocked-dense.ts';
import { dense, flatten, relu } from './layers.ts';
import { createOptimizer, type OptimizerSettings } from './optimizers.ts';
import { buildTrainingGraph } from './training-graph.ts';

const blockSize = await probeBlockSize();
if (blockSize === null) console.log('skipped: ONNX Runtime has no blocked layout on this machine');

type Build = Architecture['build'];

const adam = { kind: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.05 } as const;
const sgd = { kind: 'sgd', momentum: 0.9, weightDecay: 0.01 } as const;

const twoLayers: Build = (context, images, classes) => {
  const first = relu(context, dense(context, flatten(context, images), 'first', 96));
  return dense(context, relu(context, dense(context, first, 'second', 48)), 'logits', classes);
};

const imageSize = 16;

const graphOf = (build: Build, batchSize: number, settings: OptimizerSettings, blocks: boolean) =>
  buildTrainingGraph(
    { ...architectures.article, build },
    {
      classes: 2,
      batchSize,
      imageSize,
      optimizer: createOptimizer(settings),
      blockSize: blocks ? blockSize : null,
      largeDense: 1000,
    },
  );

/** Losses of three steps, then every weight and state. */
const train = async (
  { graph, groups, blocked, weights, states }: ReturnType<typeof buildTrainingGraph>,
  batchSize: number,
  settings: OptimizerSettings,
) => {
  const session = await createSession(toOnnx(graph), { threads: 2 });
  const feeds: Record<string, Tensor> = {};
  const random = createRandom(1);
  for (const { value, initialize } of graph.parameters)
    feeds[value.name] = float32(value.shape, initialize(random.fork(value.name)));
  for (const { name, shape } of states)
    feeds[name] = float32(shape, new Float32Array(sizeOf(shape)));
  feedGroups(feeds, groups);
  feedBlocked(feeds, blocked);
  const losses: number[] = [];
  for (let step = 1; step <= 3; step++) {
    const pixels = Uint8Array.from({ length: batchSize * imageSize ** 2 }, () =>
      random.integer(256),
    );
    feeds.pixels = tensor('uint8', [batchSize, imageSize, imageSize, 1], pixels);
    const targets = Float32Array.from({ length: 2 * batchSize }, (_, i) => ((i >> 1) + i) % 2);
    feeds.targets = float32([batchSize, 2], targets);
    const numbers = createOptimizer(settings).hyperparameters(step, 0.01);
    for (const [name, number] of Object.entries(numbers))
      if (session.inputNames.includes(name)) feeds[name] = scalar(number);
    const outputs = await session.run(feeds);
    losses.push(outputs.loss?.data[0] as number);
    feedNext(feeds, outputs);
  }
  await session.close();
  const kept = [...weights, ...states].map(({ name }) => name);
  return { losses, kept: kept.map((name) => [name, plainData(feeds, blocked, name)] as const) };
};

const isClose = (actual: Float32Array, expected: Float32Array): boolean => {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return actual.every((x, i) => Math.abs(x - (expected[i] as number)) <= 1e-3 * largest);
};

describe.skipIf(blockSize === null)('large dense layers', () => {
  it.each([
    ['sixteen pictures', 16, sgd],
    ['sixteen pictures', 16, adam],
    ['pictures in parts', 48, sgd],
  ] as const)('compute in blocked layout what they compute in plain, %s, %o', async (...row) => {
    const [, batchSize, settings] = row;
    const inBlocks = graphOf(twoLayers, batchSize, settings, true);
    expect(inBlocks.blocked.map(({ plain }) => plain.name)).toEqual(
      ['first', 'second'].flatMap((layer) => [
        ...createOptimizer(settings).stateNames.map((name) => `${name}/${layer}/kernel`),
        `${layer}/kernel`,
      ]),
    );
    // What is left is the small last layer's.
    expect(inBlocks.graph.nodes.filter(({ op }) => op === 'Gemm')).toHaveLength(3);
    const actual = await train(inBlocks, batchSize, settings);
    const expected = await train(
      graphOf(twoLayers, batchSize, settings, false),
      batchSize,
      settings,
    );
    expect(actual.losses).toEqual(expected.losses.map((loss) => expect.closeTo(loss, 4)));
    expected.kept.forEach(([name, data], i) => {
      expect(isClose(actual.kept[i]?.[1] as Float32Array, data), name).toBe(true);
    });
  });

  it.each<[string, number, Build]>([
    ['pictures fill no block', 12, twoLayers],
    [
      'units fill no block',
      16,
      (context, images, classes) =>
        dense(context, dense(context, flatten(context, images), 'first', 40), 'logits', classes),
    ],
    [
      'the weight is read by something else too',
      16,
      (context, images, classes) => {
        const { builder: b } = context;
        const y = dense(context, flatten(context, images), 'first', 64);
        const weight = b.parameters[0]?.value;
        const all = b.apply('ReduceSum', [weight as never], { axes: [1], keepDimensions: false });
        return dense(context, b.apply('Add', [y, all]), 'logits', classes);
      },
    ],
  ])('stay in plain layout where %s', (_, batchSize, build) => {
    expect(graphOf(build, batchSize, sgd, true).blocked).toEqual([]);
  });
});

it('elements come back from blocks as they were', () => {
  const plain = { name: 'w', dtype: 'float32', shape: [6, 8] } as const;
  const numbers = Float32Array.from({ length: 48 }, (_, i) => i);
  const blocked = intoBlocks({ plain, blockSize: 4 }, numbers);
  expect([...blocked.subarray(0, 8)]).toEqual([0, 1, 2, 3, 8, 9, 10, 11]);
  expect(outOfBlocks({ plain, blockSize: 4 }, blocked)).toEqual(numbers);
});
