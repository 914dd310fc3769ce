/**
 * Blocks of common classifiers and all their gradients against PyTorch. The golden numbers were
 * written by scripts/make-golden-blocks.py, which holds the same blocks in PyTorch's words.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { initialWeight, uniform } from '../../../test/golden-formula.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';
import type { ConvAttributes, OpAttributes } from '../graph/ops.ts';
import { lowerings } from '../onnx/lowerings.ts';
import { toOnnx } from '../onnx/to-onnx.ts';
import { lower } from '../passes/lower.ts';
import { createSession } from '../runtime/session.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import { float32 } from '../tensor/tensor.ts';
import { differentiate } from './differentiate.ts';

interface GoldenBlock {
  readonly shape: Shape;
  readonly output: Shape;
  readonly loss: number;
  /** Of each gradient: its norm, and its product with numbers of the formula. */
  readonly gradients: Readonly<Record<string, readonly [norm: number, probe: number]>>;
}

const golden: { readonly blocks: Readonly<Record<string, GoldenBlock>> } = JSON.parse(
  readFileSync(new URL('../../../test/golden/blocks.json', import.meta.url), 'utf8'),
);

const signs = (name: string, size: number): Float32Array =>
  Float32Array.from(uniform(name, size), (number) => 2 * number - 1);

type Weight = (name: string, ...shape: number[]) => Value;
type Block = (b: GraphBuilder, input: Value, weight: Weight) => Value;

const one = (values: readonly Value[]): Value => values[0] as Value;

const conv = (
  b: GraphBuilder,
  x: Value,
  weight: Weight,
  name: string,
  filters: number,
  kernel: number,
  { stride = 1, pad = 0, dilation = 1, group = 1 } = {},
): Value => {
  const channels = (x.shape[1] as number) / group;
  const attributes: ConvAttributes = {
    strides: [stride, stride],
    pads: [pad, pad, pad, pad],
    dilations: [dilation, dilation],
    group,
  };
  const w = weight(`${name}/kernel`, filters, channels, kernel, kernel);
  return b.apply('Conv', [x, w, weight(`${name}/bias`, filters)], attributes);
};

const hardSwish = (b: GraphBuilder, x: Value) => one(lowerings.HardSwish(b, [x], {}));

const maxPool: OpAttributes['MaxPool'] = {
  kernel: [3, 3],
  strides: [2, 2],
  pads: [0, 0, 0, 0],
  dilations: [1, 1],
};

const blocks: Readonly<Record<string, Block>> = {
  depthwise: (b, input, weight) => {
    const widened = b.apply('Mul', [conv(b, input, weight, 'widen', 12, 1), b.scalar(3)]);
    const clipped = b.apply('Clip', [widened], { min: 0, max: 6 });
    const options = { group: 12, stride: 2, pad: 1 };
    const strided = hardSwish(b, conv(b, clipped, weight, 'depthwise', 12, 3, options));
    const x = hardSwish(b, conv(b, strided, weight, 'depthwise2', 12, 5, { group: 12, pad: 2 }));
    const pooled = one(lowerings.GlobalAveragePool(b, [x], {}));
    const squeezed = b.apply('Relu', [conv(b, pooled, weight, 'squeeze', 3, 1)]);
    const gate = b.apply('HardSigmoid', [conv(b, squeezed, weight, 'excite', 12, 1)], {
      alpha: 1 / 6,
      beta: 0.5,
    });
    return conv(b, b.apply('Mul', [x, gate]), weight, 'narrow', 8, 1);
  },
  pools: (b, input, weight) => {
    const stem = b.apply('Relu', [conv(b, input, weight, 'stem', 6, 3, { pad: 1 })]);
    const first = b.apply('MaxPool', [stem], { ...maxPool, pads: [1, 1, 1, 1] });
    const normalized = b.apply('LRN', [first], { size: 5, alpha: 0.5, beta: 0.75, bias: 2 });
    const second = one(lowerings.MaxPool(b, [normalized], { ...maxPool, ceilMode: true }));
    return b.apply('AveragePool', [second], {
      kernel: [3, 3],
      strides: [1, 1],
      pads: [1, 1, 1, 1],
      countIncludePad: false,
    });
  },
  transformer: (b, input, weight) => {
    const width = input.shape[2] as number;
    const norm = (x: Value, name: string) =>
      b.apply(
        'LayerNormalization',
        [x, weight(`${name}/scale`, width), weight(`${name}/bias`, width)],
        { axis: 2, epsilon: 1e-5 },
      );
    const dense = (x: Value, name: string, inputs: number, outputs: number) =>
      b.apply('MatMul', [x, weight(`${name}/kernel`, inputs, outputs)]);
    const y = norm(input, 'norm1');
    const [q, k, v] = ['query', 'key', 'value'].map((name) => dense(y, name, width, width)) as [
      Value,
      Value,
      Value,
    ];
    const turned = b.apply('Transpose', [k], { permutation: [0, 2, 1] });
    const scores = b.apply('Mul', [b.apply('MatMul', [q, turned]), b.scalar(width ** -0.5)]);
    const mixed = b.apply('MatMul', [b.apply('Softmax', [scores], { axis: 2 }), v]);
    const x = b.apply('Add', [input, mixed]);
    const up = dense(norm(x, 'norm2'), 'up', width, 2 * width);
    const active = one(lowerings.Gelu(b, [up], { approximate: 'none' }));
    return b.apply('Add', [x, dense(active, 'down', 2 * width, width)]);
  },
  grouped: (b, input, weight) => {
    const strided = conv(b, input, weight, 'strided', 12, 3, { stride: 2, pad: 1, group: 4 });
    const scaling = [weight('norm/scale', 12), weight('norm/bias', 12)];
    const normalized = one(
      lowerings.GroupNormalization(b, [strided, ...scaling], { groups: 3, epsilon: 1e-5 }),
    );
    const active = one(lowerings.Silu(b, [normalized], { alpha: 1 }));
    const options = { pad: 2, dilation: 2, group: 2 };
    const dilated = conv(b, active, weight, 'dilated', 8, 3, options);
    const up = b.apply('ConvTranspose', [dilated, weight('up/kernel', 8, 3, 4, 4)], {
      strides: [2, 2],
      pads: [1, 1, 1, 1],
      dilations: [1, 1],
      group: 2,
      outputPadding: [0, 0],
    });
    const sizes = up.shape.map((extent, axis) => (axis < 2 ? extent : 2 * extent));
    return b.apply('Resize', [up], {
      sizes,
      mode: 'linear',
      coordinates: 'half_pixel',
      rounding: 'floor',
    });
  },
};

describe('a block and its gradients are PyTorch’s', () => {
  it.each(Object.entries(golden.blocks))('%s', async (name, expected) => {
    const b = new GraphBuilder();
    const values = new Map<string, { value: Value; data: Float32Array }>();
    const input = b.input(`${name}/input`, 'float32', expected.shape);
    values.set(input.name, {
      value: input,
      data: signs(input.name, sizeOf(input.shape)).map((number) => 2 * number),
    });
    const weight: Weight = (title, ...shape) => {
      const value = b.input(title, 'float32', shape);
      values.set(title, { value, data: initialWeight(title, shape) });
      return value;
    };
    const y = (blocks[name] as Block)(b, input, weight);
    expect(y.shape).toEqual(expected.output);
    const upstream = b.constant(float32(y.shape, signs(`${name}/upstream`, sizeOf(y.shape))));
    const axes = y.shape.map((_, axis) => axis);
    const weighted = b.apply('Mul', [y, upstream]);
    const loss = b.apply('ReduceSum', [weighted], { axes, keepDimensions: false });
    b.output('loss', loss);
    const sources = [...values.values()].map(({ value }) => value);
    differentiate(b, loss, sources).forEach((gradient, i) => {
      b.output(`gradient/${sources[i]?.name}`, gradient);
    });
    const session = await createSession(toOnnx(lower(b.build())));
    const results = await session.run(
      Object.fromEntries(
        [...values].map(([title, { value, data }]) => [title, float32(value.shape, data)]),
      ),
    );
    await session.close();

    expect([...values.keys()].sort()).toEqual(Object.keys(expected.gradients).sort());
    expect(results.loss?.data[0]).toBeCloseTo(expected.loss, 3);
    for (const [title, [norm, probe]] of Object.entries(expected.gradients)) {
      const gradient = results[`gradient/${title}`]?.data as Float32Array;
      const probing = signs(`${title}/probe`, gradient.length);
      const sum = (term: (number: number, i: number) => number) =>
        gradient.reduce((total, number, i) => total + term(number, i), 0);
      const tolerance = 1e-4 * Math.max(1, norm);
      const deviation = Math.abs(Math.sqrt(sum((number) => number * number)) - norm);
      expect(deviation, `norm of ${title}`).toBeLessThan(tolerance);
      const probed = sum((number, i) => number * (probing[i] as number));
      expect(Math.abs(probed - probe), `probe of ${title}`).toBeLessThan(tolerance);
    }
  });

  it('has a block for each golden one', () => {
    expect(Object.keys(blocks)).toEqual(Object.keys(golden.blocks));
  });
});
