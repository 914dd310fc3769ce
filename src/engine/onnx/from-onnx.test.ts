/** Reading classifiers made elsewhere: what comes out computes what the file computes. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { described, floats, node, onnxFile, smallClassifier } from '../../../test/onnx-file.ts';
import { sharedData } from '../../../test/shared-data.ts';
import type { OnnxNode } from '../../formats/onnx.ts';
import { createSession } from '../runtime/session.ts';
import { sizeOf } from '../tensor/shape.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { endAtFeatures } from './end-at-features.ts';
import { type FromOnnxOptions, fromOnnx } from './from-onnx.ts';
import { openBatchSize } from './open-batch.ts';
import { toOnnx } from './to-onnx.ts';

/** Element i is ((i · 7919) mod 256) / 255. */
const pictures = (shape: readonly number[]): Tensor<'float32'> =>
  float32(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => ((i * 7919) % 256) / 255),
  );

const run = async (file: Uint8Array, images: Tensor) => {
  const session = await createSession(file);
  const outputs = await session.run({ [session.inputNames[0] as string]: images });
  await session.close();
  return outputs as Record<string, Tensor<'float32'>>;
};

const nearly = (values: Tensor<'float32'> | undefined) =>
  Array.from(values?.data ?? [], (value) => expect.closeTo(value, 5));

const emptyGraph = { name: 'branch', node: [], initializer: [], input: [], output: [] };

/** Reads a file and writes it again with an open batch. */
const rewrite = (file: Uint8Array, options: Partial<FromOnnxOptions> = {}) => {
  const imported = fromOnnx(file, { batch: openBatchSize, ...options });
  const { graph, weights } = imported;
  return { ...imported, file: toOnnx(graph, { weights, openBatch: true }) };
};

describe('a small classifier', () => {
  const file = onnxFile(smallClassifier);

  it('is described', () => {
    const { graph, ...described } = fromOnnx(file, { batch: 2 });
    expect(described).toMatchObject({
      channels: 3,
      height: 8,
      width: 8,
      featureCount: 5,
      classes: 4,
    });
    expect(graph.inputs[0]).toMatchObject({ name: 'images', shape: [2, 3, 8, 8] });
    expect(graph.outputs.map(({ name, value }) => [name, value.shape])).toEqual([
      ['features', [2, 5]],
      ['logits', [2, 4]],
    ]);
    expect([...described.weights.keys()]).toEqual([
      'backbone/conv.weight',
      'backbone/conv.bias',
      'backbone/fc.weight',
      'backbone/fc.bias',
    ]);
  });

  it.each([1, 3])('answers as before for %i pictures', async (count) => {
    const images = pictures([count, 3, 8, 8]);
    const [before, after] = [await run(file, images), await run(rewrite(file).file, images)];
    expect(after.logits?.shape).toEqual([count, 4]);
    expect([...(after.logits?.data ?? [])]).toEqual(nearly(before.logits));
  });

  it('gives up its softmax', async () => {
    const { nodes } = smallClassifier;
    const [last] = nodes.slice(-1);
    const withSoftmax = onnxFile({
      ...smallClassifier,
      nodes: [
        ...nodes.slice(0, -1),
        { ...(last as (typeof nodes)[number]), output: ['scores'] },
        node('Softmax', ['scores'], ['logits'], { axis: -1 }),
      ],
    });
    const images = pictures([1, 3, 8, 8]);
    const plain = await run(file, images);
    const { logits } = await run(rewrite(withSoftmax).file, images);
    expect([...(logits?.data ?? [])]).toEqual(nearly(plain.logits));
  });

  it.each<[string, readonly OnnxNode[]]>([
    ['first', []],
    ['last', [node('Transpose', ['images'], ['planes'], { perm: [0, 3, 1, 2] })]],
  ])(
    'may leave every extent open: the first convolution tells channels that come %s',
    async (where, turn) => {
      const open = onnxFile({
        ...smallClassifier,
        inputs: [described('images', ['batch', 'any', 'rows', 'columns'])],
        nodes: [
          node('Mul', ['images', 'two'], ['twice']),
          ...turn.map((each) => ({ ...each, input: ['twice'] })),
          ...smallClassifier.nodes.map((each, i) =>
            i > 0
              ? each
              : { ...each, input: [turn.length > 0 ? 'planes' : 'twice', ...each.input.slice(1)] },
          ),
        ],
        initializers: [...(smallClassifier.initializers ?? []), floats('two', [], [2])],
      });
      const read = fromOnnx(open, { batch: openBatchSize, imageSize: 8 });
      expect([read.channels, read.height, read.width]).toEqual([3, 8, 8]);
      const planes = pictures([1, 3, 8, 8]);
      const pixels = planes.data.map(
        (_, i) => planes.data[(i % 3) * 64 + Math.floor(i / 3)] as number,
      );
      const images = where === 'first' ? planes : float32([1, 8, 8, 3], pixels);
      const { logits } = await run(
        toOnnx(read.graph, { weights: read.weights, openBatch: true }),
        planes,
      );
      expect([...(logits?.data ?? [])]).toEqual(nearly((await run(open, images)).logits));
    },
  );

  it('is cut where it is told', async () => {
    const short = endAtFeatures(file, 'activated');
    expect(short.length).toBeLessThan(file.length);
    const { classes, featureCount, weights, file: cut } = rewrite(short);
    expect({ classes, featureCount, weights: [...weights.keys()] }).toEqual({
      classes: undefined,
      featureCount: 5,
      weights: ['backbone/conv.weight', 'backbone/conv.bias'],
    });
    const images = pictures([2, 3, 8, 8]);
    const whole = await run(rewrite(file).file, images);
    const { features } = await run(cut, images);
    expect([...(features?.data ?? [])]).toEqual(nearly(whole.features));
  });

  it('is cut before what nobody can read, and where another value is called "features"', async () => {
    const [convolution, activation, ...rest] = smallClassifier.nodes as [OnnxNode, OnnxNode];
    const odd = onnxFile({
      ...smallClassifier,
      nodes: [
        { ...convolution, output: ['features'] },
        { ...activation, input: ['features'] },
        ...rest,
        node('If', ['logits'], ['chosen'], { then_branch: emptyGraph }),
        node('Frobnicate', ['chosen'], ['best'], {}, 'com.example'),
      ],
      outputs: [described('best', ['N', 1])],
    });
    expect(() => fromOnnx(odd, { batch: 1 })).toThrow('branches and loops are not read');
    const images = pictures([2, 3, 8, 8]);
    const { features } = await run(rewrite(endAtFeatures(odd, 'flat')).file, images);
    const whole = await run(rewrite(file).file, images);
    expect([...(features?.data ?? [])]).toEqual(nearly(whole.features));
  });

  it.each(['penultimate', 'images', 'fc.weight'])(
    'is not cut at "%s", which no node makes',
    (name) => {
      expect(() => endAtFeatures(file, name)).toThrow(
        `"${name}" is not computed from the picture.`,
      );
    },
  );
});

it('widens weights that are stored as integers', () => {
  const int8 = {
    name: 'q',
    dims: [4, 5],
    dataType: 3,
    int32Data: Array.from({ length: 20 }, (_, i) => i - 10),
  };
  const { graph, weights } = fromOnnx(
    onnxFile({
      nodes: [
        ...smallClassifier.nodes.slice(0, -1),
        node('Cast', ['q'], ['widened'], { to: 1 }),
        node('Mul', ['widened', 'scale'], ['fc.weight']),
        node('MatMul', ['flat', 'turned'], ['logits']),
      ].toSpliced(-1, 0, node('Transpose', ['fc.weight'], ['turned'])),
      initializers: [
        ...(smallClassifier.initializers ?? []).slice(0, 2),
        int8,
        floats('scale', [4, 1], [1, 2, 3, 0.5]),
      ],
    }),
    { batch: 1 },
  );
  expect(graph.nodes.map(({ op }) => op)).toEqual([
    'Conv',
    'Relu',
    'ReduceMean',
    'Reshape',
    'MatMul',
  ]);
  expect([...(weights.get('backbone/turned') ?? [])].slice(0, 4)).toEqual([-10, -10, 0, 2.5]);
});

interface Golden {
  readonly models: Readonly<
    Record<
      string,
      {
        readonly top1: number;
        readonly logits0_4: readonly number[];
        readonly features0_4: readonly number[];
        readonly featuresSum: number;
      }
    >
  >;
}

const backbones = `${sharedData}/backbones`;
const golden: Golden = sharedData
  ? JSON.parse(readFileSync(`${backbones}/golden.json`, 'utf8'))
  : { models: {} };
if (!sharedData) console.log('skipped: the backbones of ../shared/data are not there');

describe.runIf(sharedData)('backbones', () => {
  it.each(Object.entries(golden.models))('%s gives its golden numbers', async (name, expected) => {
    const file = readFileSync(`${backbones}/${name}`);
    const images = pictures([1, 3, 224, 224]);
    const before = await run(file, images);
    const { logits, features } = await run(rewrite(file, { imageSize: 224 }).file, images);
    const close = (numbers: readonly number[]) =>
      numbers.map((number) => expect.closeTo(number, 2));
    expect([...(logits?.data ?? [])].slice(0, 5)).toEqual(close(expected.logits0_4));
    expect([...(features?.data ?? [])].slice(0, 5)).toEqual(close(expected.features0_4));
    const scale = Math.max(...(before.logits?.data ?? []).map(Math.abs));
    logits?.data.forEach((value, i) => {
      expect(Math.abs(value - (before.logits?.data[i] as number))).toBeLessThan(1e-4 * scale);
    });
    expect(features?.data.reduce((sum, x) => sum + x, 0)).toBeCloseTo(expected.featuresSum, 1);
  });
});
