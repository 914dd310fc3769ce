/** A training session writes over its weights while it steps; nobody may notice. */
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { feedBlocked, feedGroups, feedNext, plainData } from '../../../test/feed-groups.ts';
import { createRandom } from '../../base/random.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { type Architecture, architectures } from '../nn/architectures.ts';
import { dense, dropout, flatten, relu } from '../nn/layers.ts';
import { createOptimizer } from '../nn/optimizers.ts';
import type { Recipe } from '../nn/recipe.ts';
import { buildTrainingGraph } from '../nn/training-graph.ts';
import { toOnnx } from '../onnx/to-onnx.ts';
import { sizeOf } from '../tensor/shape.ts';
import { float32, scalar, type Tensor, tensor } from '../tensor/tensor.ts';
import { probeBlockSize } from './probe-block-size.ts';
import { createSession } from './session.ts';
import { createTrainingSession, type TrainingSessionOptions } from './training-session.ts';
import { unreturned, withUnreturnedOutputs } from './unreturned-outputs.ts';

const [batchSize, imageSize, rate] = [16, 32, 0.01];

/** Its Adam brings its sums back to a scale of 1 every two steps. */
const fastDecaying: Recipe = {
  ...architectures.article.recipe.scratch,
  optimizer: { kind: 'adam', beta1: 2 ** -15, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
};

/** Whose one large layer is kept in blocked layout where the machine has one. */
const wide: Architecture = {
  ...architectures.article,
  recipe: { ...architectures.article.recipe, scratch: fastDecaying },
  build: (context, images, classes) => {
    const x = relu(context, dense(context, flatten(context, images), 'wide1', 1040));
    const y = relu(context, dense(context, x, 'wide2', 8080));
    return dense(context, dropout(context, y, 0.4), 'logits', classes);
  },
};
// 8.4 million weights in wide2.
const networks = { ...architectures, wide };

const optionsFor = (name: keyof typeof networks): TrainingSessionOptions => ({
  architecture: networks[name],
  classes: 2,
  batchSize,
  imageSize,
  optimizer: networks[name].recipe.scratch.optimizer,
  random: createRandom(7),
  threads: 1,
});

const pixelsOf = (step: number, channels: number) => {
  const random = createRandom(step);
  return Uint8Array.from({ length: batchSize * imageSize ** 2 * channels }, () =>
    random.integer(256),
  );
};
const targets = Float32Array.from({ length: 2 * batchSize }, (_, i) => ((i >> 1) + i) % 2);

/** A checksum of each tensor: vitest takes seconds to compare a million numbers. */
const checksums = (tensors: Iterable<readonly [string, Float32Array]>) =>
  Object.fromEntries(
    Array.from(tensors, ([name, data]) => [
      name,
      crc32(Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
    ]),
  );

describe.each(['compact', 'article', 'wide'] as const)('a training session of %s', (name) => {
  const { channels, recipe } = networks[name];

  it('takes the steps that the graph takes on copies of the weights', async () => {
    const blockSize = await probeBlockSize();
    const session = await createTrainingSession(optionsFor(name));
    const optimizer = createOptimizer(recipe.scratch.optimizer);
    const { graph, weights, groups, blocked, states, noise } = buildTrainingGraph(networks[name], {
      classes: 2,
      batchSize,
      imageSize,
      optimizer,
      blockSize,
    });
    expect(blocked.length).toBe(blockSize && name === 'wide' ? 3 : 0);
    const onCopies = await createSession(toOnnx(graph));
    const { tensors } = session.snapshot();
    const feeds: Record<string, Tensor> = {};
    for (const { name: key, shape } of [...weights, ...states])
      feeds[key] = float32(shape, (tensors.get(key) as Float32Array).slice());
    feedGroups(feeds, groups);
    feedBlocked(feeds, blocked);
    feeds.targets = float32([batchSize, 2], targets);
    for (let step = 1; step <= 3; step++) {
      const pixels = pixelsOf(step, channels);
      feeds.pixels = tensor('uint8', [batchSize, imageSize, imageSize, channels], pixels);
      for (const [state, factor] of Object.entries(optimizer.rescale?.(step) ?? {}))
        for (const [key, { data }] of Object.entries(feeds))
          if (key.includes(`${state}/`))
            data.forEach((value, i) => {
              data[i] = Number(value) * factor;
            });
      for (const [key, value] of Object.entries(optimizer.hyperparameters(step, rate)))
        if (onCopies.inputNames.includes(key)) feeds[key] = scalar(value);
      for (const { name: input, shape } of noise) {
        const random = createRandom(7).fork(`noise ${step}`).fork(input);
        const data = Float32Array.from({ length: sizeOf(shape) }, () => random.next());
        feeds[input] = float32(shape, data);
      }
      const expected = await onCopies.run(feeds);
      const { loss, logits } = await session.step(pixels, targets, rate);
      expect(loss).toBe(expected.loss?.data[0]);
      expect(logits).toEqual(expected.logits?.data);
      feedNext(feeds, expected);
    }
    const { tensors: reached } = session.snapshot();
    const expected = [...reached.keys()].map(
      (key) => [key, plainData(feeds, blocked, key)] as const,
    );
    expect(checksums(reached)).toEqual(checksums(expected));
    await onCopies.close();
    await session.close();
  });

  it('goes on from a snapshot as if it had never stopped', async () => {
    const straight = await createTrainingSession(optionsFor(name));
    await straight.step(pixelsOf(1, channels), targets, rate);
    const resume = structuredClone(straight.snapshot());
    const resumed = await createTrainingSession({ ...optionsFor(name), resume });
    const second = pixelsOf(2, channels);
    expect(await resumed.step(second, targets, rate)).toEqual(
      await straight.step(second, targets, rate),
    );
    const [once, again] = [straight.snapshot(), resumed.snapshot()];
    expect([again.step, once.step, resume.step]).toEqual([2, 2, 1]);
    expect(checksums(again.tensors)).toEqual(checksums(once.tensors));
    expect(checksums(once.tensors)).not.toEqual(checksums(resume.tensors));
    await straight.close();
    await resumed.close();
  });
});

it('refuses a snapshot of another network', async () => {
  const resume = { step: 1, tensors: new Map([['logits/bias', new Float32Array(3)]]) };
  await expect(createTrainingSession({ ...optionsFor('compact'), resume })).rejects.toMatchObject({
    code: 'damaged_checkpoint',
  });
});

it('starts from given weights and leaves them alone', async () => {
  const given = new Map([['logits/bias', Float32Array.of(0.5, -0.5)]]);
  const session = await createTrainingSession({ ...optionsFor('compact'), weights: given });
  await session.step(pixelsOf(1, 3), targets, rate);
  expect(given.get('logits/bias')).toEqual(Float32Array.of(0.5, -0.5));
  expect(session.weights().get('logits/bias')).not.toEqual(Float32Array.of(0.5, -0.5));
  await session.close();
});

it('outputs are written where they are wanted, with and without being returned', async () => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', [2]);
  b.output('y', b.apply('Add', [x, b.scalar(1)]));
  const plain = toOnnx(b.build());
  const sessions = [await createSession(plain), await createSession(withUnreturnedOutputs(plain))];
  expect(sessions.map(({ outputNames }) => outputNames)).toEqual([['y'], [unreturned, 'y']]);
  for (const session of sessions) {
    const numbers = float32([2], [1, 2]);
    await session.runInto({ x: numbers }, { y: numbers });
    expect([...numbers.data]).toEqual([2, 3]);
    await session.close();
  }
});
