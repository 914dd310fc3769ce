/**
 * Steps of fine-tuning against PyTorch: the last blocks of the trained networks that lie beside the
 * checkout, and of torchvision's exports, learn a few batches,
 * from the same weights. There the file itself is interpreted by scripts/fine-tune-in-pytorch.py, without our importer.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createOptimizer } from '../../src/engine/nn/optimizers.ts';
import { buildTrainingGraph } from '../../src/engine/nn/training-graph.ts';
import { importBackbone, transferArchitecture } from '../../src/engine/nn/transfer.ts';
import { toOnnx } from '../../src/engine/onnx/to-onnx.ts';
import { probeBlockSize } from '../../src/engine/runtime/probe-block-size.ts';
import { createSession } from '../../src/engine/runtime/session.ts';
import { sizeOf } from '../../src/engine/tensor/shape.ts';
import { float32, scalar, type Tensor, tensor } from '../../src/engine/tensor/tensor.ts';
import { feedGroups, feedNext } from '../feed-groups.ts';
import { initialWeight, uniform } from '../golden-formula.ts';
import { findPython, runPython } from '../pytorch.ts';
import { sharedData } from '../shared-data.ts';

const python = findPython('torch', 'torchvision', 'onnx');
if (!sharedData) console.log('skipped: the backbones of ../shared/data are not there');

const folder = mkdtempSync(join(tmpdir(), 'relearn-fine-tuning-'));
afterAll(() => rmSync(folder, { recursive: true }));

const trained = sharedData ? join(sharedData, 'backbones') : undefined;
const exported = ['resnet18', 'efficientnet_b0', 'mobilenet_v3_small', 'mnasnet0_5'];
if (python) runPython(python, 'make-test-models.py', folder, ...exported);
const sources = python
  ? [
      ...(trained ? readdirSync(trained) : [])
        .filter((name) => name.endsWith('.onnx'))
        .map((name) => ({ name, path: join(trained ?? '', name), imageSize: 96 })),
      ...exported.map((name) => ({
        name,
        path: join(folder, `${name}.onnx`),
        imageSize: undefined,
      })),
    ]
  : [];

const [batchSize, classes, blocks, steps, learningRate] = [4, 2, 3, 3, 0.0003];
const prefix = 'backbone/';

const norm = (data: Float32Array): number => Math.sqrt(data.reduce((sum, x) => sum + x * x, 0));
const difference = (left: Float32Array, right: Float32Array): Float32Array =>
  left.map((x, i) => x - (right[i] as number));

describe.each(sources)('fine-tuning the last blocks of $name', ({ name, path, imageSize }) => {
  const backbone = importBackbone(readFileSync(path), imageSize);
  const architecture = transferArchitecture(backbone, { blocks });
  const { optimizer: settings } = architecture.recipe.scratch;
  if (settings.kind !== 'adam') throw new Error('The script speaks Adam.');
  const optimizer = createOptimizer(settings);
  const options = { classes, batchSize, imageSize: backbone.imageSize, optimizer };
  const pixelsOf = (step: number) =>
    Uint8Array.from(
      uniform(`${name}${step}`, batchSize * backbone.imageSize ** 2 * 3),
      (level) => level * 256,
    );
  const startOf = (weight: string, shape: readonly number[]) =>
    backbone.weights.get(weight) ?? initialWeight(weight, shape);

  const inPyTorch = () => {
    const place = mkdtempSync(join(folder, 'task-'));
    const { parameters } = buildTrainingGraph(architecture, options).graph;
    const learning = parameters.filter(({ trainable }) => trainable);
    const rates = learning
      .filter(({ value }) => value.name.startsWith(prefix))
      .map(({ value, rate = 1 }) => [value.name.slice(prefix.length), rate]);
    const task = {
      ...{ batchSize, classes, steps, learningRate },
      imageSize: backbone.imageSize,
      weightDecay: settings.weightDecay,
      rates: Object.fromEntries(rates),
    };
    writeFileSync(join(place, 'task.json'), JSON.stringify(task));
    for (let step = 0; step < steps; step++)
      writeFileSync(join(place, `pixels${step}.bin`), pixelsOf(step));
    for (const { value } of learning.filter(({ value }) => value.name.startsWith('logits/')))
      writeFileSync(
        join(place, `${value.name.replace('/', '-')}.bin`),
        startOf(value.name, value.shape),
      );
    runPython(python ?? '', 'fine-tune-in-pytorch.py', path, place);
    const result = JSON.parse(readFileSync(join(place, 'result.json'), 'utf8')) as {
      losses: number[];
      weights: string[];
    };
    const load = (what: string) =>
      new Map(
        result.weights.map((weight, index) => [
          weight.startsWith('logits/') ? weight : prefix + weight,
          new Float32Array(new Uint8Array(readFileSync(join(place, `${what}${index}.bin`))).buffer),
        ]),
      );
    return {
      losses: result.losses,
      gradients: load('gradient'),
      weights: load('weight'),
      learning,
    };
  };
  let reference: ReturnType<typeof inPyTorch> | undefined;

  it.each(['plain', 'blocked'] as const)(
    'in %s layout computes what PyTorch computes',
    async (layout) => {
      const blockSize = layout === 'plain' ? null : await probeBlockSize();
      if (layout === 'blocked' && blockSize === null) {
        console.log('skipped: ONNX Runtime has no blocked layout on this machine');
        return;
      }
      reference ??= inPyTorch();
      const { losses, gradients, weights, learning } = reference;
      expect(learning.map(({ value }) => value.name).sort()).toEqual([...weights.keys()].sort());
      // The head, and both weights of two layers at least.
      expect(learning.length).toBeGreaterThanOrEqual(6);

      const { graph, groups, states } = buildTrainingGraph(architecture, {
        ...options,
        blockSize,
        outputGradients: true,
      });
      const session = await createSession(toOnnx(graph), { threads: 2 });
      const feeds: Record<string, Tensor> = {};
      for (const { value } of graph.parameters)
        feeds[value.name] = float32(value.shape, startOf(value.name, value.shape).slice());
      for (const { name: state, shape } of states)
        feeds[state] = float32(shape, new Float32Array(sizeOf(shape)));
      feedGroups(feeds, groups);
      const targets = Float32Array.from({ length: batchSize * classes }, (_, i) =>
        Math.floor(i / classes) % classes === i % classes ? 1 : 0,
      );
      feeds.targets = float32([batchSize, classes], targets);

      for (const [step, expected] of losses.entries()) {
        const { imageSize: side } = backbone;
        feeds.pixels = tensor('uint8', [batchSize, side, side, 3], pixelsOf(step));
        const hyperparameters = optimizer.hyperparameters(step + 1, learningRate);
        for (const [key, value] of Object.entries(hyperparameters))
          if (session.inputNames.includes(key)) feeds[key] = scalar(value);
        const outputs = await session.run(feeds);
        const loss = (outputs.loss as Tensor<'float32'>).data[0] as number;
        // Adam moves every weight by its whole rate, whatever little the gradient is: rounding grows.
        const tolerance = [1e-4, 1e-3, 5e-3][step] as number;
        expect(Math.abs(loss - expected) / expected, `loss of step ${step + 1}`).toBeLessThan(
          tolerance,
        );
        if (step === 0)
          for (const [weight, gradient] of gradients) {
            const { data } = outputs[`gradient/${weight}`] as Tensor<'float32'>;
            expect(norm(gradient), `the gradient of ${weight}`).toBeGreaterThan(0);
            const error = norm(difference(data, gradient)) / norm(gradient);
            expect(error, `the gradient of ${weight}`).toBeLessThan(1e-4);
          }
        feedNext(feeds, outputs);
      }
      for (const [weight, expected] of weights) {
        const { data, shape } = feeds[weight] as Tensor<'float32'>;
        const way = norm(difference(expected, startOf(weight, shape)));
        const error = norm(difference(data as Float32Array, expected)) / way;
        expect(error, `the way of ${weight}`).toBeLessThan(0.05);
      }
      // What does not learn stayed where it was.
      for (const { value, trainable } of graph.parameters.filter(({ trainable }) => !trainable))
        expect([
          trainable,
          norm(
            difference(feeds[value.name]?.data as Float32Array, startOf(value.name, value.shape)),
          ),
        ]).toEqual([false, 0]);
      await session.close();
    },
  );
});
