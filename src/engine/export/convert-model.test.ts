/** The three forms of a model, each run by ONNX Runtime as anybody else would run it. */
import { beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../base/random.ts';
import { decodeOnnx, encodeOnnx, type OnnxModel, onnxDataType } from '../../formats/onnx.ts';
import { architectures } from '../nn/architectures.ts';
import { describeModel, writeModel } from '../nn/model-file.ts';
import { plainReadout } from '../nn/readout.ts';
import { buildServingGraph } from '../nn/serving-graph.ts';
import { createSession } from '../runtime/session.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { type Calibrate, convertModel } from './convert-model.ts';
import { foldBatchNormalization } from './fold-batch-normalization.ts';
import { poolAfterRelu } from './pool-after-relu.ts';
import { quantize, roundingFor } from './quantize.ts';

const random = createRandom(3);

const side = 32;

/** Weights as a training leaves them: statistics too are no longer 0 and 1. Small pictures. */
const modelOf = (architecture: 'compact' | 'article'): OnnxModel => {
  const { channels } = architectures[architecture];
  const { parameters } = buildServingGraph(architectures[architecture], {
    classes: 3,
    imageSize: side,
  });
  const weights = new Map(
    parameters.map(({ value, initialize }) => {
      const data = initialize(random);
      const spread = value.name.endsWith('/norm/variance') || value.name.endsWith('/norm/scale');
      const varied = /\/(mean|bias|variance|scale)$/.test(value.name)
        ? data.map((number) => (spread ? 0.5 + random.next() : number + 0.2 * random.normal()))
        : data;
      return [value.name, varied];
    }),
  );
  const preprocessing = { width: side, height: side, channels, fit: 'fill' } as const;
  // The mirror image adds nodes on both sides of the network.
  const readout = architecture === 'compact' ? { mirror: true, temperature: 0.8 } : plainReadout;
  const labels = ['a', 'b', 'c'];
  return decodeOnnx(writeModel({ architecture, labels, preprocessing, readout, weights }));
};

const picturesFor = (model: OnnxModel, count: number): Tensor<'float32'> => {
  const { width, channels } = describeModel(encodeOnnx(model)).preprocessing;
  const shape = [count, channels, width, width];
  // Smooth pictures: what a convolution makes of plain noise is nothing but its mean.
  const data = new Float32Array(count * channels * width * width);
  for (let plane = 0; plane < count * channels; plane++) {
    const [fx, fy, phase] = [random.next() * 0.4, random.next() * 0.4, random.next() * 6];
    for (let i = 0; i < width * width; i++)
      data[plane * width * width + i] =
        0.5 + 0.5 * Math.sin(fx * (i % width) + fy * Math.floor(i / width) + phase);
  }
  return float32(shape, data);
};

const logitsOf = async (model: OnnxModel, images: Tensor): Promise<Float32Array> => {
  const session = await createSession(encodeOnnx(model));
  const { logits } = await session.run({ images });
  await session.close();
  return new Float32Array((logits as Tensor<'float32'>).data);
};

/** Root mean square of the difference, as a share of the spread of the expected numbers. */
const differenceOf = (found: Float32Array, expected: Float32Array): number => {
  const square = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 0);
  const mean = expected.reduce((sum, value) => sum + value, 0) / expected.length;
  return Math.sqrt(
    square(found.map((value, i) => value - (expected[i] as number))) /
      square(expected.map((value) => value - mean)),
  );
};

/** Extremes of the values on these pictures, by asking for them as outputs. */
const calibrateOn =
  (images: Tensor): Calibrate =>
  async (model, values) => {
    const inside = values.filter((name) => name !== 'images');
    const output = inside.map((name) => ({
      name,
      type: { tensorType: { elemType: onnxDataType.float32 } },
    }));
    const session = await createSession(
      encodeOnnx({ ...model, graph: { ...model.graph, output } }),
    );
    const seen = { images, ...(await session.run({ images })) };
    await session.close();
    return new Map(
      Object.entries(seen).map(([name, { data }]) => {
        const numbers = Array.from(data as Float32Array);
        const low = numbers.reduce((a, b) => Math.min(a, b), 0);
        const high = numbers.reduce((a, b) => Math.max(a, b), 0);
        return [name, [low, high] as const];
      }),
    );
  };

describe.each(['compact', 'article'] as const)('%s', (architecture) => {
  let model: OnnxModel;
  let images: Tensor<'float32'>;
  let logits: Float32Array;
  let bytes: number;
  beforeAll(async () => {
    model = modelOf(architecture);
    images = picturesFor(model, 16);
    logits = await logitsOf(model, images);
    bytes = encodeOnnx(model).length;
  });

  it('as onnx is itself, with more metadata', async () => {
    const exported = await convertModel(model, 'onnx', calibrateOn(images), { 'relearn.x': 'y' });
    expect(exported.metadataProps.at(-1)).toEqual({ key: 'relearn.x', value: 'y' });
    expect(describeModel(encodeOnnx(exported))).toEqual(describeModel(encodeOnnx(model)));
    expect(await logitsOf(exported, images)).toEqual(logits);
  });

  it('answers the same without batch normalization and with pools after ReLU', async () => {
    const graph = poolAfterRelu(foldBatchNormalization(model.graph));
    expect(graph.node.map(({ opType }) => opType)).not.toContain('BatchNormalization');
    const pools = graph.node.filter(({ opType }) => opType === 'MaxPool');
    const relus = graph.node.filter(({ opType }) => opType === 'Relu');
    for (const pool of pools) expect(relus.map(({ output }) => output[0])).toContain(pool.input[0]);
    expect(differenceOf(await logitsOf({ ...model, graph }, images), logits)).toBeLessThan(1e-4);
  });

  it('as fp16 takes half the bytes and answers nearly the same', async () => {
    const exported = await convertModel(model, 'fp16', calibrateOn(images), {});
    expect(encodeOnnx(exported).length).toBeLessThan(0.52 * bytes);
    expect(differenceOf(await logitsOf(exported, images), logits)).toBeLessThan(0.02);
  });

  it('as int8 takes about a quarter of the bytes and answers nearly the same', async () => {
    const exported = await convertModel(model, 'int8', calibrateOn(images), {});
    expect(encodeOnnx(exported).length).toBeLessThan(0.28 * bytes);
    expect(differenceOf(await logitsOf(exported, images), logits)).toBeLessThan(0.2);
  });

  it('as int8 leaves only the head in float32', async () => {
    const { graph } = await convertModel(model, 'int8', calibrateOn(images), {});
    const layers = graph.node.filter(({ opType }) => opType === 'Conv' || opType === 'Gemm');
    const inFloat = layers.filter(({ input }) => !input[1]?.endsWith('/rounded'));
    expect(inFloat.map(({ input }) => input[1])).toEqual(['logits/kernel']);
    expect(layers.length).toBeGreaterThan(4);
  });
});

describe('rounding', () => {
  it('meets zero exactly and covers the range', () => {
    for (const range of [
      [-1, 3],
      [0, 6],
      [-2, 0],
      [0.5, 2],
    ] as const) {
      const { scale, zeroPoint } = roundingFor(range);
      expect(Number.isInteger(zeroPoint)).toBe(true);
      expect(zeroPoint).toBeGreaterThanOrEqual(0);
      expect(zeroPoint).toBeLessThanOrEqual(255);
      expect((0 - zeroPoint) * scale).toBeLessThanOrEqual(Math.min(range[0], 0) + scale);
      expect((255 - zeroPoint) * scale).toBeGreaterThanOrEqual(range[1] - scale);
    }
    expect(roundingFor([0, 0])).toEqual({ scale: 1, zeroPoint: 0 });
  });

  it('keeps the bias of a channel that has no weights to speak of', async () => {
    const model = modelOf('compact');
    const { graph } = model;
    const initializer = graph.initializer.map((tensor) => {
      const tiny = tensor.name === 'stem/norm/scale';
      return tiny ? { ...tensor, rawData: new Uint8Array(tensor.rawData?.length ?? 0) } : tensor;
    });
    const dead = { ...model, graph: { ...graph, initializer } };
    const images = picturesFor(model, 4);
    const exported = await convertModel(dead, 'int8', calibrateOn(images), {});
    const [found, expected] = [await logitsOf(exported, images), await logitsOf(dead, images)];
    found.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] as number, 0);
    });
  });

  it('needs a range for every value that it rounds', () => {
    const { graph } = modelOf('compact');
    const plan = { weighted: new Map(), rounded: new Map([['images', 'images']]) };
    expect(() => quantize(graph, plan, new Map())).toThrow(RangeError);
  });
});
