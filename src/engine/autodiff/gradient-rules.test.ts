/**
 * Every gradient rule against central finite differences, in a loop over the table: each case
 * builds one node, sums its output with fixed random weights, and asks the rule and the difference
 * quotient for the same derivative.
 */
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../base/random.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';
import type { OpAttributes, OpType } from '../graph/ops.ts';
import { simplify } from '../graph/simplify.ts';
import { toOnnx } from '../graph/to-onnx.ts';
import { createSession } from '../runtime/session.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { differentiate } from './differentiate.ts';
import { gradientRules, notDifferentiable } from './gradient-rules.ts';

interface Case<Op extends OpType = OpType> {
  readonly title?: string;
  readonly shapes: readonly Shape[];
  readonly attributes?: OpAttributes[Op];
  /** Inputs are drawn from ±1 unless a case needs others: positive, or well apart. */
  readonly draw?: 'positive' | 'distinct';
  /** How many of the inputs are differentiated; the rest are constants. Default all. */
  readonly wrt?: number;
}

const convolution = (stride: number, pad: number, dilation = 1): OpAttributes['Conv'] => ({
  strides: [stride, stride],
  pads: [pad, pad, pad, pad],
  dilations: [dilation, dilation],
  group: 1,
});
const window = (kernel: number, stride: number, pad: number): OpAttributes['AveragePool'] => ({
  kernel: [kernel, kernel],
  strides: [stride, stride],
  pads: [pad, pad, pad, pad],
});
const products = { transA: false, transB: false, alpha: 0.5 };
const over = (axes: number[], keepDimensions: boolean) => ({ axes, keepDimensions });

const cases: { readonly [Op in OpType]?: readonly Case<Op>[] } = {
  Add: [
    {
      shapes: [
        [2, 3],
        [2, 3],
      ],
    },
    {
      title: 'broadcast',
      shapes: [
        [2, 1, 3],
        [4, 1],
      ],
    },
  ],
  Sub: [{ shapes: [[2, 3], [3]] }],
  Mul: [
    {
      shapes: [
        [2, 3],
        [2, 1],
      ],
    },
  ],
  Div: [
    {
      shapes: [
        [2, 3],
        [2, 3],
      ],
      draw: 'positive',
    },
  ],
  Neg: [{ shapes: [[4]] }],
  Exp: [{ shapes: [[4]] }],
  Log: [{ shapes: [[4]], draw: 'positive' }],
  Sqrt: [{ shapes: [[4]], draw: 'positive' }],
  Reciprocal: [{ shapes: [[4]], draw: 'positive' }],
  Relu: [{ shapes: [[3, 4]], draw: 'distinct' }],
  Sigmoid: [{ shapes: [[3, 4]] }],
  Where: [],
  Cast: [{ shapes: [[3]], attributes: { to: 'float32' } }],
  Reshape: [{ shapes: [[2, 6]], attributes: { shape: [3, 4] } }],
  Expand: [{ shapes: [[2, 1]], attributes: { shape: [3, 2, 4] } }],
  Transpose: [{ shapes: [[2, 3, 4]], attributes: { permutation: [2, 0, 1] } }],
  Slice: [
    { shapes: [[4, 5]], attributes: { starts: [1], ends: [4], axes: [1], steps: [1] } },
    {
      title: 'backwards',
      shapes: [[4, 5]],
      attributes: { starts: [-1], ends: [-100], axes: [0], steps: [-1] },
    },
    {
      title: 'with gaps',
      shapes: [[4, 5]],
      attributes: { starts: [0, 1], ends: [4, 5], axes: [0, 1], steps: [2, 3] },
    },
  ],
  Concat: [
    {
      shapes: [
        [2, 1],
        [2, 3],
      ],
      attributes: { axis: 1 },
    },
  ],
  Pad: [{ shapes: [[2, 3]], attributes: { pads: [1, 0, 0, 2] } }],
  ReduceSum: [
    { shapes: [[2, 3, 4]], attributes: over([0, 2], false) },
    { title: 'keeping axes', shapes: [[2, 3]], attributes: over([1], true) },
  ],
  ReduceMean: [{ shapes: [[2, 3, 4]], attributes: over([1, 2], false) }],
  ReduceMax: [{ shapes: [[3, 4]], attributes: over([1], false), draw: 'distinct' }],
  Softmax: [{ shapes: [[3, 4]], attributes: { axis: 1 } }],
  LogSoftmax: [{ shapes: [[3, 4]], attributes: { axis: 1 } }],
  MatMul: [
    {
      shapes: [
        [2, 3],
        [3, 4],
      ],
    },
    {
      title: 'in batches',
      shapes: [
        [2, 2, 3],
        [3, 4],
      ],
    },
  ],
  FusedMatMul: [
    {
      shapes: [
        [2, 3],
        [3, 4],
      ],
      attributes: products,
    },
    {
      title: 'Aᵀ',
      shapes: [
        [3, 2],
        [3, 4],
      ],
      attributes: { ...products, transA: true },
    },
    {
      title: 'Bᵀ',
      shapes: [
        [2, 3],
        [4, 3],
      ],
      attributes: { ...products, transB: true },
    },
    {
      title: 'AᵀBᵀ',
      shapes: [
        [3, 2],
        [4, 3],
      ],
      attributes: { ...products, transA: true, transB: true },
    },
  ],
  Gemm: [
    { shapes: [[2, 3], [3, 4], [4]], attributes: { ...products, beta: 0.7 } },
    {
      title: 'Aᵀ',
      shapes: [
        [3, 2],
        [3, 4],
      ],
      attributes: { ...products, transA: true, beta: 1 },
    },
    {
      title: 'Bᵀ',
      shapes: [
        [2, 3],
        [4, 3],
      ],
      attributes: { ...products, transB: true, beta: 1 },
    },
    {
      title: 'AᵀBᵀ',
      shapes: [
        [3, 2],
        [4, 3],
        [2, 4],
      ],
      attributes: { ...products, transA: true, transB: true, beta: 1 },
    },
  ],
  Conv: [
    { shapes: [[2, 2, 5, 4], [3, 2, 3, 3], [3]], attributes: convolution(1, 1) },
    {
      title: '1×1',
      shapes: [
        [2, 3, 2, 3],
        [2, 3, 1, 1],
      ],
      attributes: convolution(1, 0),
    },
    {
      title: 'stride 2',
      shapes: [
        [2, 2, 6, 5],
        [3, 2, 3, 3],
      ],
      attributes: convolution(2, 1),
    },
    {
      title: '1×1, stride 2',
      shapes: [
        [1, 2, 5, 4],
        [2, 2, 1, 1],
      ],
      attributes: convolution(2, 0),
    },
    {
      title: 'dilated',
      shapes: [
        [1, 2, 6, 6],
        [2, 2, 3, 3],
      ],
      attributes: convolution(1, 2, 2),
    },
    {
      title: 'one large picture',
      shapes: [
        [1, 1, 36, 36],
        [1, 1, 3, 3],
      ],
      attributes: convolution(1, 1),
    },
  ],
  ConvTranspose: [
    {
      shapes: [[1, 3, 3, 3], [3, 2, 3, 3], [2]],
      attributes: { ...convolution(2, 1), outputPadding: [1, 1] },
    },
  ],
  MaxPool: [{ shapes: [[2, 2, 4, 6]], attributes: window(2, 2, 0), draw: 'distinct' }],
  AveragePool: [
    { shapes: [[1, 2, 4, 6]], attributes: window(2, 2, 0) },
    { title: 'overlapping, padded', shapes: [[1, 2, 5, 5]], attributes: window(3, 2, 1) },
  ],
  BatchNormalization: [
    {
      title: 'batch statistics',
      shapes: [[3, 2, 2, 3], [2], [2], [2], [2]],
      attributes: { epsilon: 1e-3, training: true },
      draw: 'positive',
      wrt: 3,
    },
    {
      title: 'fixed statistics',
      shapes: [[3, 2, 2, 3], [2], [2], [2], [2]],
      attributes: { epsilon: 1e-3, training: false },
      draw: 'positive',
      wrt: 3,
    },
  ],
};

const random = createRandom(7);

const draw = (shape: Shape, kind: Case['draw']): Float32Array => {
  const size = sizeOf(shape);
  if (kind === 'positive') return Float32Array.from({ length: size }, () => 0.5 + random.next());
  if (kind === 'distinct') {
    // At least 0.1 from each other and from zero, so that no small step changes a winner.
    const steps = Array.from({ length: size }, (_, i) => (i - size / 2 + 0.5) * 0.1);
    return Float32Array.from(random.shuffle(steps));
  }
  return Float32Array.from({ length: size }, () => 2 * random.next() - 1);
};

/** The rule's gradients and the difference quotients, input by input. */
const compare = async (
  build: (b: GraphBuilder, inputs: readonly Value[]) => Value,
  given: readonly Tensor<'float32'>[],
  wrt: number,
) => {
  const b = new GraphBuilder();
  const inputs = given.map(({ shape }, i) => b.input(`input_${i}`, 'float32', shape));
  const y = build(b, inputs);
  const weights = b.constant(float32(y.shape, draw(y.shape, undefined)));
  const axes = y.shape.map((_, axis) => axis);
  const loss = b.apply('ReduceSum', [b.apply('Mul', [y, weights])], {
    axes,
    keepDimensions: false,
  });
  b.output('loss', loss);
  differentiate(b, loss, inputs.slice(0, wrt)).forEach((gradient, i) => {
    b.output(`gradient_${i}`, gradient);
  });
  const session = await createSession(toOnnx(simplify(b.build())));
  const feeds = Object.fromEntries(given.map((value, i) => [`input_${i}`, value]));
  const used = Object.fromEntries(
    Object.entries(feeds).filter(([name]) => session.inputNames.includes(name)),
  );
  const results = await session.run(used);
  const lossAt = async () => (await session.run(used, ['loss'])).loss?.data[0] as number;
  const step = 1e-2;
  const pairs = [];
  for (let i = 0; i < wrt; i++) {
    const { data } = given[i] as Tensor<'float32'>;
    const quotients = new Float32Array(data.length);
    for (let j = 0; j < data.length; j++) {
      const kept = data[j] as number;
      data[j] = kept + step;
      const above = await lossAt();
      data[j] = kept - step;
      const below = await lossAt();
      data[j] = kept;
      quotients[j] = (above - below) / (2 * step);
    }
    pairs.push({ rule: results[`gradient_${i}`]?.data as Float32Array, quotients });
  }
  await session.close();
  return pairs;
};

const expectClose = (actual: Float32Array, expected: Float32Array) => {
  expect(actual.length).toBe(expected.length);
  const scale = Math.max(1, ...expected.map(Math.abs));
  actual.forEach((value, i) => {
    expect(Math.abs(value - (expected[i] as number)) / scale, `element ${i}`).toBeLessThan(5e-3);
  });
};

describe('every gradient rule agrees with finite differences', () => {
  for (const [op, list] of Object.entries(cases) as [OpType, Case[]][]) {
    for (const { title, shapes, attributes = {}, draw: kind, wrt } of list) {
      it(title ? `${op}, ${title}` : op, async () => {
        const given = shapes.map((shape) => float32(shape, draw(shape, kind)));
        const pairs = await compare(
          (b, inputs) => b.node(op, inputs, attributes as never)[0] as Value,
          given,
          wrt ?? shapes.length,
        );
        for (const { rule, quotients } of pairs) expectClose(rule, quotients);
      });
    }
  }

  it('Where', async () => {
    const given = [float32([2, 3], draw([2, 3], 'distinct')), float32([3], draw([3], undefined))];
    const pairs = await compare(
      (b, [x, y]) =>
        b.apply('Where', [b.apply('Greater', [x as Value, b.scalar(0)]), x as Value, y as Value]),
      given,
      2,
    );
    for (const { rule, quotients } of pairs) expectClose(rule, quotients);
  });

  it('covers every operator that has a rule', () => {
    const ruled = Object.entries(gradientRules)
      .filter(([, rule]) => rule !== notDifferentiable)
      .map(([op]) => op);
    expect(Object.keys(cases).sort()).toEqual(ruled.sort());
  });
});

describe('what cannot be differentiated says so', () => {
  it('names the operator in the way', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [3]);
    const steps = b.apply('Cast', [b.apply('Greater', [x, b.scalar(0)])], { to: 'float32' });
    const loss = b.apply('ReduceSum', [steps], { axes: [0], keepDimensions: false });
    expect(() => differentiate(b, loss, [x])).toThrow(/depend|Greater/);
  });

  it('names the value that the loss does not depend on', () => {
    const b = new GraphBuilder();
    const [x, y] = [b.input('x', 'float32', []), b.input('y', 'float32', [])];
    expect(() => differentiate(b, b.apply('Mul', [x, x]), [y])).toThrow(/does not depend on y/);
  });
});
