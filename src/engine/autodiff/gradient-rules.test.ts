/**
 * Every gradient rule against central finite differences, in a loop over the table: each case
 * builds one node, sums its output with fixed random weights, and asks the rule and the difference
 * quotient for the same derivative.
 */
import { describe, expect, it } from 'vitest';
import { type OperatorCase, operatorCases, shapesOf } from '../../../test/operator-cases.ts';
import { createRandom } from '../../base/random.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';
import type { OpType } from '../graph/ops.ts';
import { lowerings } from '../onnx/lowerings.ts';
import { toOnnx } from '../onnx/to-onnx.ts';
import { lower } from '../passes/lower.ts';
import { createSession } from '../runtime/session.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { differentiate } from './differentiate.ts';
import { notDifferentiable } from './gradient-rules/gradient-rule.ts';
import { gradientRules } from './gradient-rules.ts';

const random = createRandom(7);

const draw = (shape: Shape, kind: OperatorCase['draw'], index = 0): Float32Array => {
  const size = sizeOf(shape);
  if (kind === 'positive') return Float32Array.from({ length: size }, () => 0.5 + random.next());
  if (kind === 'distinct') {
    // 0.1 from each other and at least 0.02 from zero and from the input before.
    const steps = Array.from({ length: size }, (_, i) => (i - size / 2 + 0.5) * 0.1 - index * 0.03);
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
  const session = await createSession(toOnnx(lower(b.build())));
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
  for (const [op, cases] of Object.entries(operatorCases) as [OpType, readonly OperatorCase[]][]) {
    if (gradientRules[op] === notDifferentiable || !Array.isArray(cases)) continue;
    for (const example of cases as readonly OperatorCase[]) {
      const { title, attributes = {}, draw: kind } = example;
      it(title ? `${op}, ${title}` : op, async () => {
        const given = shapesOf(example).map((shape, index) =>
          float32(shape, draw(shape, kind, index)),
        );
        const pairs = await compare(
          (b, inputs) => b.node(op, inputs, attributes as never)[0] as Value,
          given,
          example.wrt ?? given.length,
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

  it('Mod', async () => {
    const given = [
      float32([2, 3], Float32Array.of(-2.3, -0.4, 0.7, 1.6, 3.1, 5.5)),
      float32([3], Float32Array.of(0.9, -0.5, 0.6)),
    ];
    const pairs = await compare(
      (b, [x, y]) => b.apply('Mod', [x as Value, y as Value], { sign: 'dividend' }),
      given,
      2,
    );
    for (const { rule, quotients } of pairs) expectClose(rule, quotients);
  });

  it('a batch normalization by statistics of its own input', async () => {
    const shape = [2, 3, 2, 2];
    const given = [shape, [3], [3]].map((each) => float32(each, draw(each, 'positive')));
    const over = { axes: [0, 2, 3], keepDimensions: true };
    const pairs = await compare(
      (b, inputs) => {
        const [x, scale, bias] = inputs as [Value, Value, Value];
        const mean = b.apply('ReduceMean', [x], over);
        const centred = b.apply('Sub', [x, mean]);
        const variance = b.apply('ReduceMean', [b.apply('Mul', [centred, centred])], over);
        const all = [x, scale, bias, mean, variance];
        return lowerings.BatchNormalization(b, all, { epsilon: 0.1 })[0] as Value;
      },
      given,
      3,
    );
    for (const { rule, quotients } of pairs) expectClose(rule, quotients);
  });

  it('GridSample of the nearest pixel, whose grid has the gradient zero', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [1, 1, 3, 3]);
    const grid = b.input('grid', 'float32', [1, 2, 2, 2]);
    const seen = b.apply('GridSample', [x, grid], {
      ...{ mode: 'nearest', padding: 'zeros', alignCorners: false },
    });
    const loss = b.apply('ReduceSum', [seen], { axes: [0, 1, 2, 3], keepDimensions: false });
    b.output('gradient', differentiate(b, loss, [grid])[0] as Value);
    const session = await createSession(toOnnx(lower(b.build())));
    const { gradient } = await session.run({
      x: float32([1, 1, 3, 3], new Float32Array(9)),
      grid: float32([1, 2, 2, 2], new Float32Array(8)),
    });
    await session.close();
    expect(gradient).toMatchObject({ shape: [1, 2, 2, 2], data: new Float32Array(8) });
  });

  it('ReduceProd, of zeros too', async () => {
    const given = [float32([2, 3], Float32Array.of(0, 0.5, 2, 0, 3, 0))];
    const pairs = await compare(
      (b, [x]) =>
        lowerings.ReduceProd(b, [x as Value], { axes: [1], keepDimensions: false })[0] as Value,
      given,
      1,
    );
    for (const { rule, quotients } of pairs) expectClose(rule, quotients);
  });

  it.each(['ReduceL2', 'LpPool'] as const)('%s of nothing but zeros', async (name) => {
    const window = { kernel: [2, 2], strides: [1, 1], pads: [0, 0, 0, 0], p: 2 } as const;
    const [only] = await compare(
      (b, [x]) =>
        name === 'LpPool'
          ? (lowerings.LpPool(b, [x as Value], window)[0] as Value)
          : (lowerings.ReduceL2(b, [x as Value], { axes: [2], keepDimensions: true })[0] as Value),
      [float32([1, 1, 2, 2], new Float32Array(4))],
      1,
    );
    expect(Array.from(only?.rule ?? [], Math.abs)).toEqual([0, 0, 0, 0]);
  });

  it.each([0, 1, 2])(
    'GatherElements along axis %i, with places that the input names',
    async (axis) => {
      const shape = [3, 4, 2];
      const pairs = await compare(
        (b, [x, scores]) => {
          const [, places] = b.node('TopK', [scores as Value], { axis, k: 2, largest: true });
          return b.apply('GatherElements', [x as Value, places as Value], { axis });
        },
        [float32(shape, draw(shape, undefined)), float32(shape, draw(shape, 'distinct'))],
        1,
      );
      for (const { rule, quotients } of pairs) expectClose(rule, quotients);
    },
  );

  it('Gather from so many places that a matrix would be too large', async () => {
    const [count, taken] = [70_000, 64];
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [2, count, 1]);
    const indices = Array.from({ length: taken }, (_, i) => (i % 2 === 0 ? 7 : count - 1 - i));
    const y = b.apply('Gather', [x], { axis: 1, indices });
    const squares = b.apply('Mul', [y, y]);
    const loss = b.apply('ReduceSum', [squares], { axes: [0, 1, 2], keepDimensions: false });
    b.output('gradient', differentiate(b, loss, [x])[0] as Value);
    const session = await createSession(toOnnx(lower(b.build())));
    const given = Float32Array.from({ length: 2 * count }, (_, i) => i % 5);
    const { gradient } = await session.run({ x: float32([2, count, 1], given) });
    await session.close();
    const expected = new Float32Array(2 * count);
    for (const picture of [0, count])
      for (const index of indices)
        expected[picture + index] =
          (expected[picture + index] as number) + 2 * (given[picture + index] as number);
    expect(gradient?.data).toEqual(expected);
  });

  it('covers every operator that has a rule', () => {
    const ruled = Object.entries(gradientRules).filter(([, rule]) => rule !== notDifferentiable);
    const uncovered = ruled.filter(([op]) => operatorCases[op as OpType].length === 0);
    expect(uncovered).toEqual([]);
    const byName = ruled.filter(([op]) => operatorCases[op as OpType] === 'tested by name');
    expect(byName.map(([op]) => op)).toEqual(['Mod', 'Where', 'GatherElements']);
  });
});

describe('what cannot be differentiated says so', () => {
  /** x → steps that have no slope → two layers, around the steps a shortcut where asked. */
  const stepped = (shortcut: boolean) => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [3]);
    const weight = (name: string) => b.parameter(name, [3], () => new Float32Array(3));
    const [first, second, third] = [weight('first'), weight('second'), weight('third')];
    const early = b.apply('Mul', [x, first]);
    const steps = b.apply('Sign', [early]);
    const scaled = b.apply('Mul', [steps, second]);
    const joined = shortcut ? b.apply('Add', [scaled, early]) : scaled;
    const last = b.apply('Mul', [b.apply('Exp', [joined]), third]);
    const loss = b.apply('ReduceSum', [last], { axes: [0], keepDimensions: false });
    return { b, loss, weights: [first, second, third] };
  };
  const failure = ({ b, loss, weights }: ReturnType<typeof stepped>) => {
    try {
      differentiate(b, loss, weights);
    } catch (error) {
      return error;
    }
    return undefined;
  };

  it('names the operator in the way and the nearest cut that works', () => {
    const given = stepped(false);
    expect(failure(given)).toMatchObject({
      code: 'no_gradient',
      message: 'Sign (Sign_1) stands between the loss and a weight and has no gradient.',
      details: { operator: 'Sign', node: 'Sign_1', cut: 'Sign_1' },
    });
    const { b, loss, weights } = stepped(false);
    expect(differentiate(b, loss, weights.slice(1))).toHaveLength(2);
  });

  it('cuts where the ways around the operator have met again', () => {
    expect(failure(stepped(true))).toMatchObject({ details: { cut: 'Add_1' } });
    const { b, loss, weights } = stepped(true);
    expect(differentiate(b, loss, weights.slice(2))).toHaveLength(1);
  });

  it('knows no cut where nothing after the operator can be trained', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [3]);
    const loss = b.apply('ReduceSum', [b.apply('Sign', [x])], { axes: [0], keepDimensions: false });
    expect(() => differentiate(b, loss, [x])).toThrow(
      expect.objectContaining({ hint: 'Freeze the weights before it.' }),
    );
  });

  it('sees no way through conditions', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [3]);
    const steps = b.apply('Cast', [b.apply('Greater', [x, b.scalar(0)])], { to: 'float32' });
    const loss = b.apply('ReduceSum', [steps], { axes: [0], keepDimensions: false });
    expect(() => differentiate(b, loss, [x])).toThrow(
      'The loss does not depend on x in a way that has a gradient.',
    );
  });

  it('names the value that the loss does not depend on', () => {
    const b = new GraphBuilder();
    const [x, y] = [b.input('x', 'float32', []), b.input('y', 'float32', [])];
    expect(() => differentiate(b, b.apply('Mul', [x, x]), [y])).toThrow(/does not depend on y/);
  });
});
