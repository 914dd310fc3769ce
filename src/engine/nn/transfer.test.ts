/** An imported network with a new head, as it is trained and as it is served. */
import { describe, expect, it } from 'vitest';
import { floats, node, onnxFile, smallClassifier } from '../../../test/onnx-file.ts';
import { createRandom } from '../../base/random.ts';
import { createClassifier } from '../runtime/create-classifier.ts';
import { extractHere } from '../runtime/feature-extractor.ts';
import { createSession } from '../runtime/session.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { architectures } from './architectures.ts';
import { readModel, writeModel } from './model-file.ts';
import { createOptimizer } from './optimizers.ts';
import { plainReadout } from './readout.ts';
import { buildServingGraph } from './serving-graph.ts';
import { buildTrainingGraph } from './training-graph.ts';
import {
  type Backbone,
  countBlocks,
  countTunedBlocks,
  featureModel,
  importBackbone,
  transferArchitecture,
} from './transfer.ts';

const backbone = importBackbone(onnxFile(smallClassifier));
const preprocessing = { width: 8, height: 8, channels: 3, fit: 'fill' } as const;
const pixels = (count: number) =>
  Uint8Array.from({ length: count * 8 * 8 * 3 }, (_, i) => (i * 7919) % 256);

const head = {
  kernel: Float32Array.from({ length: 2 * 5 }, (_, i) => Math.sin(i)),
  bias: Float32Array.of(0.1, -0.2),
};
const model = {
  architecture: 'small.onnx',
  backbone: 'ab'.repeat(32),
  network: transferArchitecture(backbone),
  labels: ['cat', 'dog'],
  preprocessing,
  readout: plainReadout,
  weights: new Map([
    ...backbone.weights,
    ['logits/kernel', head.kernel],
    ['logits/bias', head.bias],
  ]),
};

/** Two layers, so that there is a block to freeze. */
const deeper = importBackbone(
  onnxFile({
    ...smallClassifier,
    nodes: [
      ...smallClassifier.nodes.slice(0, 2),
      node('Conv', ['activated', 'second.weight', 'second.bias'], ['second'], {
        kernel_shape: [1, 1],
      }),
      node('Add', ['second', 'activated'], ['added']),
      node('Relu', ['added'], ['activated2']),
      node('GlobalAveragePool', ['activated2'], ['pooled']),
      ...smallClassifier.nodes.slice(3),
    ],
    initializers: [
      ...(smallClassifier.initializers ?? []),
      floats('second.weight', [5, 5, 1, 1]),
      floats('second.bias', [5]),
    ],
  }),
);

const trainedOf = (blocks: number) =>
  buildTrainingGraph(transferArchitecture(deeper, { blocks }), {
    classes: 2,
    batchSize: 2,
    imageSize: 8,
    optimizer: createOptimizer({ kind: 'sgd', momentum: 0.9, weightDecay: 0 }),
  })
    .graph.parameters.filter(({ trainable }) => trainable)
    .map(({ value, rate }) => [value.name, rate]);

describe('an imported network', () => {
  it('brings what it needs for its features and no more', () => {
    expect(backbone).toMatchObject({ imageSize: 8, channels: 3, featureCount: 5 });
    expect([...backbone.weights.keys()]).toEqual(['backbone/conv.weight', 'backbone/conv.bias']);
  });

  it('serves its features through the new head', async () => {
    const file = writeModel(model);
    const extractor = await extractHere(featureModel(backbone, { batchSize: 4 }), { threads: 1 });
    const features = await extractor.extract(pixels(3), 3);
    expect(features).toHaveLength(3 * 5);
    const classifier = await createClassifier(file);
    const probabilities = await classifier.classify(pixels(3), 3);
    for (let row = 0; row < 3; row++) {
      const [cat, dog] = [0, 1].map((k) =>
        features
          .subarray(row * 5, row * 5 + 5)
          .reduce((sum, x, f) => sum + x * (head.kernel[k * 5 + f] as number), head.bias[k] ?? 0),
      ) as [number, number];
      expect(probabilities[row * 2]).toBeCloseTo(1 / (1 + Math.exp(dog - cat)), 5);
    }
    await classifier.close();
    await extractor.close();
  });

  it('is named in the file that it became, which holds all weights', () => {
    const { network: _, ...rest } = model;
    const read = readModel(writeModel(model));
    expect(read).toMatchObject({ architecture: rest.architecture, backbone: rest.backbone });
    for (const [name, weights] of model.weights) expect(read.weights.get(name)).toEqual(weights);
  });

  it('learns in its last blocks only, the slower the further from the head', () => {
    expect(countBlocks(deeper)).toBe(2);
    const headOnly = [
      ['logits/kernel', 1],
      ['logits/bias', 1],
    ];
    const last = (rate: number) => [
      ['backbone/second.weight', rate],
      ['backbone/second.bias', rate],
    ];
    expect(trainedOf(0)).toEqual(headOnly);
    const one = trainedOf(1);
    const rate = one[0]?.[1] as number;
    expect(rate).toBeLessThan(1);
    expect(one).toEqual([...last(rate), ...headOnly]);
    const first = trainedOf(9);
    expect(first).toHaveLength(6);
    expect(first[0]?.[1]).toBeLessThan(rate);
  });

  it('tells by its weights how many of its blocks have learnt', () => {
    const changed = (name: string) => {
      const own = deeper.weights.get(name) as Float32Array;
      return new Map([...deeper.weights, [name, own.map((weight) => weight + 0.5)]]);
    };
    expect(countTunedBlocks(deeper, deeper.weights)).toBe(0);
    expect(countTunedBlocks(deeper, changed('backbone/second.bias'))).toBe(1);
    const first = [...deeper.weights.keys()].find((name) => !name.includes('second')) as string;
    expect(countTunedBlocks(deeper, changed(first))).toBe(2);
  });

  it('is refused where its pictures are not square', () => {
    const { nodes, initializers } = smallClassifier;
    const wide = onnxFile({
      nodes,
      ...(initializers ? { initializers } : {}),
      inputs: [
        {
          name: 'images',
          type: {
            tensorType: {
              elemType: 1,
              shape: { dim: [1, 3, 8, 16].map((dimValue) => ({ dimValue })) },
            },
          },
        },
      ],
    });
    expect(() => importBackbone(wide)).toThrow(
      expect.objectContaining({ code: 'onnx_not_square' }),
    );
  });
});

it('a model of its own that answers with mirror images is a backbone: the mean of both views is its features', async () => {
  const random = createRandom(2);
  const { parameters } = buildServingGraph(architectures.compact, { classes: 2, imageSize: 32 });
  const weights = new Map(
    parameters.map(({ value, initialize }) => [value.name, initialize(random)] as const),
  );
  const model = {
    ...{ architecture: 'compact', labels: ['cat', 'dog'], weights },
    preprocessing: { width: 32, height: 32, channels: 3, fit: 'fill' },
  } as const;
  const fileWith = (mirror: boolean) =>
    importBackbone(writeModel({ ...model, readout: { mirror, temperature: 1.5 } }));
  const featuresOf = async (own: Backbone, mirror: boolean) => {
    const extractor = await createSession(featureModel(own, { batchSize: 2, mirror }).model);
    const pixels = createRandom(5);
    const images = Float32Array.from({ length: 2 * 3 * 32 * 32 }, () => pixels.next());
    const run = await extractor.run({ images: float32([2, 3, 32, 32], images) });
    await extractor.close();
    return run.features as Tensor<'float32'>;
  };
  const found = await featuresOf(fileWith(true), false);
  expect(found.shape).toEqual([2, 256]);
  const expected = await featuresOf(fileWith(false), true);
  expect([...found.data]).toEqual([...expected.data].map((x) => expect.closeTo(x, 5)));
});
