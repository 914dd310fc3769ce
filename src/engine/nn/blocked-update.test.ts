/** Updating a weight block by block gives what updating it whole gives. */
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../base/random.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { printGraph } from '../graph/print-graph.ts';
import { simplify } from '../graph/simplify.ts';
import { toOnnx } from '../onnx/to-onnx.ts';
import { createSession } from '../runtime/session.ts';
import { sizeOf } from '../tensor/shape.ts';
import { float32, scalar, type Tensor } from '../tensor/tensor.ts';
import { factorsOfLarge, gradientOfRows, updateInBlocks } from './blocked-update.ts';
import { createOptimizer, type OptimizerSettings } from './optimizers.ts';

const [samples, rows, columns] = [3, 6, 5];

/** The update of one dense weight as a graph, in blocks or whole. */
const updateGraph = (settings: OptimizerSettings, blockElements?: number) => {
  const optimizer = createOptimizer(settings);
  const b = new GraphBuilder();
  const weight = b.input('weight', 'float32', [rows, columns]);
  const state = optimizer.stateNames.map((name) => b.input(name, 'float32', [rows, columns]));
  const gradient = b.apply(
    'Gemm',
    [b.input('g', 'float32', [samples, rows]), b.input('x', 'float32', [samples, columns])],
    { transA: true, transB: false, alpha: 1, beta: 0 },
  );
  const hyperparameters = Object.fromEntries(
    Object.keys(optimizer.hyperparameters(1, 0.1)).map((name) => [
      name,
      b.input(name, 'float32', []),
    ]),
  );
  const context = { builder: b, weight, gradient, state, hyperparameters, decay: true };
  const factors = factorsOfLarge(b.nodes, gradient, 1);
  const next =
    factors && blockElements
      ? updateInBlocks(optimizer, context, gradientOfRows(b, factors, blockElements))
      : optimizer.update(context);
  [next.weight, ...next.state].forEach((value, index) => {
    b.output(`next_${index}`, value);
  });
  return { graph: simplify(b.build()), optimizer };
};

const run = async ({ graph, optimizer }: ReturnType<typeof updateGraph>) => {
  const session = await createSession(toOnnx(graph));
  const random = createRandom(3);
  const numbers = optimizer.hyperparameters(4, 0.1);
  const feeds = Object.fromEntries(
    graph.inputs
      .filter(({ name }) => session.inputNames.includes(name))
      .map(({ name, shape }): [string, Tensor] => [
        name,
        name in numbers
          ? scalar(numbers[name] as number)
          : float32(
              shape,
              Float32Array.from({ length: sizeOf(shape) }, () => random.next()),
            ),
      ]),
  );
  const outputs = await session.run(feeds);
  await session.close();
  return Object.values(outputs).map(({ data }) => [...(data as Float32Array)]);
};

const adam = { kind: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.05 } as const;
const sgd = { kind: 'sgd', momentum: 0.9, weightDecay: 0.01 } as const;

describe.each<OptimizerSettings>([adam, sgd])('the update of $kind', (settings) => {
  it.each([1, 5, 14, 15, 1000])('in blocks of at most %i elements', async (blockElements) => {
    const blocked = updateGraph(settings, blockElements);
    expect(blocked.graph.nodes.map(({ op }) => op)).toContain('Scan');
    const [expected, actual] = [await run(updateGraph(settings)), await run(blocked)];
    expect(actual.length).toBe(settings.kind === 'adam' ? 3 : 2);
    actual.forEach((values, index) => {
      expect(values).toEqual(expected[index]?.map((value) => expect.closeTo(value, 5)));
    });
  });
});

it('is for large weights whose gradient is a product', () => {
  const b = new GraphBuilder();
  const [g, x] = [b.input('g', 'float32', [3, 6]), b.input('x', 'float32', [3, 5])];
  const product = { transA: true, transB: false, alpha: 1, beta: 0 };
  const gradient = b.apply('Gemm', [g, x], product);
  const sum = b.apply('Add', [gradient, gradient]);
  expect(factorsOfLarge(b.nodes, gradient, 30)).toEqual({ outputGradient: g, input: x });
  expect(factorsOfLarge(b.nodes, gradient, 31)).toBe(undefined);
  expect(factorsOfLarge(b.nodes, sum, 30)).toBe(undefined);
});

it('prints the body under the node, and computes no whole gradient', () => {
  const { graph } = updateGraph(sgd, 10);
  expect(printGraph(graph)).toMatchInlineSnapshot(`
    "input weight: float32[6,5]
    input momentum: float32[6,5]
    input g: float32[3,6]
    input x: float32[3,5]
    input rate: float32[]
    Transpose_1: float32[6,3] = Transpose(g) {permutation=[1,0]}
    Reshape_1: float32[3,2,3] = Reshape(Transpose_1) {shape=[3,2,3]}
    Reshape_2: float32[3,2,5] = Reshape(weight) {shape=[3,2,5]}
    Reshape_3: float32[3,2,5] = Reshape(momentum) {shape=[3,2,5]}
    Scan_1: float32[3,2,5], Scan_2: float32[3,2,5] = Scan(Reshape_2, Reshape_3, Reshape_1, x, rate) {scanned=3}
      body:
        input weight/block_weight: float32[2,5]
        input weight/block_momentum: float32[2,5]
        input weight/block_own: float32[2,3]
        input weight/block_shared: float32[3,5]
        input weight/block_rate: float32[]
        weight/block_Gemm_1: float32[2,5] = Gemm(weight/block_own, weight/block_shared) {transA=false transB=false alpha=1 beta=0}
        weight/block_Mul_1: float32[2,5] = Mul(weight/block_weight, 0.009999999776482582)
        weight/block_Add_1: float32[2,5] = Add(weight/block_Gemm_1, weight/block_Mul_1)
        weight/block_Mul_2: float32[2,5] = Mul(weight/block_momentum, 0.8999999761581421)
        weight/block_Add_2: float32[2,5] = Add(weight/block_Mul_2, weight/block_Add_1)
        weight/block_Mul_3: float32[2,5] = Mul(weight/block_Add_2, weight/block_rate)
        weight/block_Add_3: float32[2,5] = Add(weight/block_weight, weight/block_Mul_3)
        output weight/block_Add_3 = weight/block_Add_3
        output weight/block_Add_2 = weight/block_Add_2
    output next_0 = Scan_1
    output next_1 = Scan_2"
  `);
});
