import { describe, expect, it } from 'vitest';
import { described, node, onnxFile, smallClassifier } from '../../../test/onnx-file.ts';
import { createRandom } from '../../base/random.ts';
import type { Normalization } from '../onnx/normalize-pictures.ts';
import { createClassifier } from '../runtime/create-classifier.ts';
import { createSession } from '../runtime/session.ts';
import { softmaxRows } from '../tensor/reduce.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { adoptClassifier, readClassifierNotes } from './adopt-classifier.ts';
import { architectures } from './architectures.ts';
import { describeModel, readModel, writeModel } from './model-file.ts';
import { buildServingGraph } from './serving-graph.ts';
import { importBackbone } from './transfer.ts';

const file = onnxFile(smallClassifier);
const labels = ['ant', 'bee', 'cat', 'dog'];
const area = 8 * 8;
const random = createRandom(7);
const pixels = Uint8Array.from({ length: 2 * area * 3 }, () => random.integer(256));

/** The file as it came, run by ONNX Runtime on pictures that were normalized by hand. */
const original = async ({ mean, std }: Normalization): Promise<Float32Array> => {
  const images = new Float32Array(pixels.length);
  for (let n = 0; n < 2; n++)
    for (let i = 0; i < area; i++)
      for (let c = 0; c < 3; c++)
        images[(n * 3 + c) * area + i] =
          ((pixels[(n * area + i) * 3 + c] as number) / 255 - (mean[c % mean.length] as number)) /
          (std[c % std.length] as number);
  const session = await createSession(file, { threads: 1 });
  const { logits } = (await session.run({ images: float32([2, 3, 8, 8], images) })) as {
    logits: Tensor<'float32'>;
  };
  await session.close();
  return softmaxRows(logits.data, 4);
};

const answers = async (model: Uint8Array, pictures = pixels): Promise<Float32Array> => {
  const classifier = await createClassifier(model);
  const rows = await classifier.classify(pictures, 2);
  await classifier.close();
  return rows;
};

describe('a classifier from elsewhere', () => {
  it.each([
    { mean: [0], std: [1] },
    { mean: [0.5], std: [0.25] },
    { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  ])(
    'answers as its file does, with the normalization %o inside and its classes in another order',
    async (normalization) => {
      const classOf = [2, 0, 3, 1];
      const { model, architecture } = adoptClassifier(file, {
        ...{ name: 'small.onnx', labels, classOf, normalization },
      });
      expect(architecture).toBe('small.onnx');
      expect(describeModel(model)).toMatchObject({
        ...{ architecture: 'small.onnx', labels },
        preprocessing: { width: 8, height: 8, channels: 3, fit: 'fill' },
      });
      const wanted = await original(normalization);
      const rows = await answers(model);
      for (let n = 0; n < 2; n++)
        classOf.forEach((from, to) => {
          expect(rows[n * 4 + to]).toBeCloseTo(wanted[n * 4 + from] as number, 5);
        });
    },
  );

  it('leaves a network that can be trained further, whose weights the model has by the same names', () => {
    const { model, backbone } = adoptClassifier(file, {
      ...{ name: 'small.onnx', labels, classOf: [0, 1, 2, 3] },
    });
    const network = importBackbone(backbone as Uint8Array);
    expect(network).toMatchObject({ imageSize: 8, channels: 3, featureCount: 5 });
    const { weights } = readModel(model);
    for (const [name, numbers] of network.weights) expect(weights.get(name)).toEqual(numbers);
  });

  it('is told what to do where it is none; naming features is no way out', () => {
    const strange = onnxFile({
      ...smallClassifier,
      nodes: [
        ...smallClassifier.nodes.slice(0, -1),
        node('Strange', ['flat'], ['odd']),
        node('Gemm', ['odd', 'fc.weight', 'fc.bias'], ['logits'], { transB: 1 }),
      ],
    });
    const options = { name: 'strange.onnx', labels, classOf: [0, 1, 2, 3] };
    expect(() => adoptClassifier(strange, options)).toThrow(
      expect.objectContaining({
        code: 'onnx_operator',
        message: expect.stringContaining('Strange'),
        hint: expect.not.stringContaining('--features'),
      }),
    );
  });

  it('may have two heads whose answers are averaged', async () => {
    const twice = onnxFile({
      ...smallClassifier,
      nodes: [
        ...smallClassifier.nodes.slice(0, -1),
        node('Gemm', ['flat', 'fc.weight', 'fc.bias'], ['one'], { transB: 1 }),
        node('Gemm', ['flat', 'fc.weight', 'fc.bias'], ['other'], { transB: 1 }),
        node('Mean', ['one', 'other'], ['logits']),
      ],
    });
    const { model, backbone } = adoptClassifier(twice, {
      ...{ name: 'two.onnx', labels, classOf: [0, 1, 2, 3] },
    });
    const expected = await original({ mean: [0], std: [1] });
    expect([...(await answers(model))]).toEqual(Array.from(expected, (x) => expect.closeTo(x, 5)));
    expect(importBackbone(backbone as Uint8Array).featureCount).toBe(5);
  });

  it('takes the picture size where the file leaves it open', () => {
    const open = onnxFile({
      ...smallClassifier,
      inputs: [described('images', ['N', 3, 'H', 'W'])],
    });
    const adopt = (imageSize?: number) =>
      adoptClassifier(open, {
        ...{ name: 'open.onnx', labels, classOf: [0, 1, 2, 3] },
        ...(imageSize === undefined ? {} : { imageSize }),
      });
    expect(() => adopt()).toThrow(
      expect.objectContaining({
        code: 'onnx_image_size',
        hint: expect.stringContaining('--image-size 224'),
      }),
    );
    expect(describeModel(adopt(12).model).preprocessing).toMatchObject({ width: 12, height: 12 });
  });
});

describe("a model of Relearn's own", () => {
  const imageSize = 32;
  const pictures = Uint8Array.from({ length: 2 * imageSize ** 2 * 3 }, () => random.integer(256));
  const own = (names: readonly string[]) => {
    const { parameters } = buildServingGraph(architectures.compact, {
      classes: names.length,
      imageSize,
    });
    return writeModel({
      architecture: 'compact',
      labels: names,
      preprocessing: { width: imageSize, height: imageSize, channels: 3, fit: 'fill' },
      readout: { mirror: true, temperature: 1.5 },
      weights: new Map(parameters.map(({ value, initialize }) => [value.name, initialize(random)])),
    });
  };

  it('keeps its architecture and readout; only the order of its classes changes', async () => {
    const before = own(['dog', 'cat', 'ant', 'bee']);
    const { model, architecture, backbone } = adoptClassifier(before, {
      ...{ name: 'other.onnx', labels, classOf: [2, 3, 1, 0] },
    });
    expect({ architecture, backbone }).toEqual({ architecture: 'compact', backbone: undefined });
    expect(describeModel(model)).toMatchObject({
      labels,
      readout: { mirror: true, temperature: 1.5 },
    });
    const [rows, wanted] = [await answers(model, pictures), await answers(before, pictures)];
    [2, 3, 1, 0].forEach((from, to) => {
      expect(rows[to]).toBeCloseTo(wanted[from] as number, 6);
    });
  });
});

it('reads what the file says of itself', () => {
  const noted = onnxFile({
    ...smallClassifier,
    model: {
      metadataProps: [
        { key: 'relearn.labels', value: JSON.stringify(labels) },
        { key: 'relearn.preprocessing', value: '{"width":8,"height":8}' },
        { key: 'relearn.normalization', value: '{"mean":[0.5],"std":[0.5]}' },
        { key: 'relearn.dataset', value: '"abc"' },
      ],
    },
  });
  expect(readClassifierNotes(noted)).toEqual({
    ...{ labels, imageSize: 8, dataset: 'abc' },
    normalization: { mean: [0.5], std: [0.5] },
  });
  expect(readClassifierNotes(file)).toEqual({});
});
