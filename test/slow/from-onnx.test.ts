/**
 * Classifiers as torchvision's exporter writes them, of every common family, and the trained ones
 * that lie beside the checkout: each is read, answers like the file itself, and is differentiated
 * from its answer to its first weight.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { differentiate } from '../../src/engine/autodiff/differentiate.ts';
import { GraphBuilder } from '../../src/engine/graph/builder.ts';
import type { Graph, Value } from '../../src/engine/graph/graph.ts';
import { simplify } from '../../src/engine/graph/simplify.ts';
import { inlineGraph } from '../../src/engine/graph/subgraph.ts';
import { fromOnnx } from '../../src/engine/onnx/from-onnx.ts';
import { openBatchSize } from '../../src/engine/onnx/open-batch.ts';
import { toOnnx } from '../../src/engine/onnx/to-onnx.ts';
import { lower } from '../../src/engine/passes/lower.ts';
import { probeBlockSize } from '../../src/engine/runtime/probe-block-size.ts';
import { createSession } from '../../src/engine/runtime/session.ts';
import { sizeOf } from '../../src/engine/tensor/shape.ts';
import { float32, type Tensor } from '../../src/engine/tensor/tensor.ts';
import { findPython, runPython } from '../pytorch.ts';
import { sharedData } from '../shared-data.ts';

const python = findPython('torch', 'torchvision');

const folder = mkdtempSync(join(tmpdir(), 'relearn-models-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The names of the files that were written. */
const exportModels = (interpreter: string): string[] => {
  const lines = runPython(interpreter, 'make-test-models.py', folder).trim().split('\n');
  for (const line of lines.filter((text) => !text.endsWith(' written'))) console.log(line);
  return lines.flatMap((line) => line.match(/^(\S+) written$/)?.[1] ?? []);
};

interface Source {
  readonly name: string;
  readonly path: string;
  /** For a file that leaves it open. */
  readonly imageSize?: number;
}

if (!sharedData) console.log('skipped: the backbones of ../shared/data are not there');
const backbones = sharedData ? join(sharedData, 'backbones') : undefined;
const trained = backbones ? readdirSync(backbones).filter((name) => name.endsWith('.onnx')) : [];
const exported = python ? exportModels(python) : [];
const sources: readonly Source[] = [
  ...exported.map((name) => ({ name, path: join(folder, `${name}.onnx`) })),
  ...trained.map((name) => ({ name, path: join(backbones ?? '', name), imageSize: 64 })),
];
const read = ({ path, imageSize }: Source, batch: number) => {
  const file = readFileSync(path);
  return { file, ...fromOnnx(file, { batch, ...(imageSize ? { imageSize } : {}) }) };
};
const blockSize = await probeBlockSize();

const drawn = (name: string, shape: readonly number[]): Tensor<'float32'> => {
  const random = createRandom(1).fork(name);
  return float32(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => random.next()),
  );
};

type Outputs = Record<string, Tensor<'float32'>>;

const largest = (values: Iterable<number>): number =>
  Math.max(...Array.from(values, (value) => Math.abs(value)));

describe.runIf(sources.length > 0)('a classifier made elsewhere', () => {
  it.each(sources)(
    '$name answers like its own file, for one picture and for more',
    async (source) => {
      const { file, graph, weights, channels, height, width, classes } = read(
        source,
        openBatchSize,
      );
      if (classes === undefined) throw new Error('no classes');
      const ours = await createSession(toOnnx(graph, { weights, openBatch: true }));
      const original = await createSession(file);
      const images = drawn('images', [3, channels, height, width]);
      const { logits } = (await ours.run({ images })) as Outputs;
      // One by one, because some of the files take one picture only.
      const size = images.data.length / 3;
      for (let i = 0; i < 3; i++) {
        const one = float32(
          [1, channels, height, width],
          images.data.slice(i * size, (i + 1) * size),
        );
        const { logits: expected } = (await original.run({ images: one })) as Outputs;
        const answer = logits?.data.slice(i * classes, (i + 1) * classes) ?? [];
        const difference = largest(answer.map((value, k) => value - (expected?.data[k] as number)));
        expect(difference).toBeLessThan(1e-4 * largest(expected?.data ?? []));
      }
      await ours.close();
      await original.close();
    },
  );

  it.each(sources)('$name is differentiated down to its first weight', async (source) => {
    const { graph } = read(source, 2);
    const b = new GraphBuilder('step_');
    const images = b.input('images', 'float32', graph.inputs[0]?.shape ?? []);
    const answer = inlineGraph(b, graph, [images]).get('logits') as Value;
    const products = b.apply('Mul', [answer, b.constant(drawn('factors', answer.shape))]);
    const loss = b.apply('ReduceSum', [products], { axes: [0, 1], keepDimensions: false });
    b.output('loss', loss);
    b.output('products', products);
    const forward = b.build();
    const weights = b.parameters.filter(({ trainable }) => trainable).map(({ value }) => value);
    const whole = {
      ...b.build(),
      outputs: [
        ...forward.outputs,
        ...differentiate(b, loss, weights).map((value, i) => ({
          name: `gradient/${weights[i]?.name}`,
          value,
        })),
      ],
    };

    const random = createRandom(1);
    const start = Object.fromEntries(
      b.parameters.map(({ value, initialize }) => [
        value.name,
        float32(value.shape, initialize(random)),
      ]),
    );
    const pictures = { images: drawn('images', images.shape) };
    const step = async (graph: Graph): Promise<Outputs> => {
      const backward = await createSession(toOnnx(graph));
      const outputs = await backward.run({ ...start, ...pictures });
      await backward.close();
      return outputs as Outputs;
    };
    const first = await step(lower(whole));
    const gradients = new Map(
      weights.map((value) => [value, first[`gradient/${value.name}`]?.data as Float32Array]),
    );
    for (const [value, gradient] of gradients)
      expect(length([gradient]), `the gradient of ${value.name}`).toBeGreaterThan(0);

    // The layout that the trainer chooses on this machine gives the same gradients, but for ReLUs that
    // other rounding switches.
    const blocked = await step(lower(whole, { blockSize }));
    for (const [value, gradient] of gradients) {
      const other = blocked[`gradient/${value.name}`]?.data ?? [];
      const difference = length([gradient.map((x, i) => x - (other[i] as number))]);
      expect(difference / length([gradient]), `blocked, ${value.name}`).toBeLessThan(0.05);
    }

    // Neighbouring weights move together along their gradient, just enough to change the loss by a
    // hundredth of its largest summand; the loss must rise as fast as the gradient is long.
    const session = await createSession(toOnnx(simplify(forward)));
    const group = Math.ceil(weights.length / 10);
    for (let from = 0; from < weights.length; from += group) {
      const members = weights.slice(from, from + group);
      const promised = length(members.map((value) => gradients.get(value) as Float32Array));
      const distance = (0.01 * largest(first.products?.data ?? [])) / promised ** 2;
      const lossAfter = async (amount: number): Promise<number> => {
        const moved = members.map((value) => {
          const gradient = gradients.get(value) as Float32Array;
          const { data } = start[value.name] as Tensor<'float32'>;
          const sum = data.map((x, i) => x + amount * (gradient[i] as number));
          return [value.name, float32(value.shape, sum)] as const;
        });
        const inputs = { ...start, ...Object.fromEntries(moved), ...pictures };
        return ((await session.run(inputs, ['loss'])) as Outputs).loss?.data[0] as number;
      };
      const rise = ((await lossAfter(distance)) - (await lossAfter(-distance))) / (2 * distance);
      expect(rise / promised ** 2, `around ${members[0]?.name}`).toBeCloseTo(1, 1);
    }
    await session.close();
  });
});

/** Euclidean, over all of them. */
const length = (vectors: readonly Float32Array[]): number =>
  Math.sqrt(
    vectors
      .flatMap((vector) => vector.reduce((sum, x) => sum + x * x, 0))
      .reduce((a, b) => a + b, 0),
  );
