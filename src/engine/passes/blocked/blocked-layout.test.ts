/** The same graph in plain and in blocked layout gives the same numbers. */
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../base/random.ts';
import { differentiate } from '../../autodiff/differentiate.ts';
import { GraphBuilder } from '../../graph/builder.ts';
import type { Graph, Value } from '../../graph/graph.ts';
import type { OpAttributes } from '../../graph/ops.ts';
import { toOnnx } from '../../onnx/to-onnx.ts';
import { probeBlockSize } from '../../runtime/probe-block-size.ts';
import { createSession } from '../../runtime/session.ts';
import { type Shape, sizeOf } from '../../tensor/shape.ts';
import { float32, type Tensor } from '../../tensor/tensor.ts';
import { lower } from '../lower.ts';

const blockSize = await probeBlockSize();
if (blockSize === null) console.log('skipped: ONNX Runtime has no blocked layout on this machine');

type Network = (b: GraphBuilder, weight: (...shape: number[]) => Value, x: Value) => Value;

const conv = (attributes: Partial<OpAttributes['Conv']> = {}): OpAttributes['Conv'] => ({
  strides: [1, 1],
  pads: [1, 1, 1, 1],
  dilations: [1, 1],
  group: 1,
  ...attributes,
});
const pool = {
  kernel: [2, 2],
  strides: [2, 2],
  pads: [0, 0, 0, 0],
  dilations: [1, 1],
} as const;

/** y and the gradients of Σ y·noise with respect to the input and every weight. */
const withGradients = (network: Network, shape: Shape) => {
  const b = new GraphBuilder();
  const weights: Value[] = [];
  const weight = (...extents: number[]) => {
    const value = b.input(`weight_${weights.length}`, 'float32', extents);
    weights.push(value);
    return value;
  };
  const x = b.input('x', 'float32', shape);
  const y = network(b, weight, x);
  const noise = b.input('noise', 'float32', y.shape);
  const axes = y.shape.map((_, axis) => axis);
  const loss = b.apply('ReduceSum', [b.apply('Mul', [y, noise])], { axes, keepDimensions: false });
  b.output('y', y);
  differentiate(b, loss, [x, ...weights]).forEach((gradient, i) => {
    b.output(`gradient_${i}`, gradient);
  });
  return b.build();
};

const run = async (graph: Graph, levels: number) => {
  const session = await createSession(toOnnx(graph), { threads: 2 });
  const random = createRandom(5);
  // Few distinct levels make ties in pools.
  const draw = () => Math.round((2 * random.next() - 1) * levels) / levels;
  const feeds: Record<string, Tensor> = {};
  for (const { name, shape } of graph.inputs)
    feeds[name] = float32(shape, Float32Array.from({ length: sizeOf(shape) }, draw));
  const outputs = await session.run(feeds);
  await session.close();
  return outputs;
};

const compare = async (network: Network, shape: Shape, levels = 2 ** 20) => {
  const graph = withGradients(network, shape);
  const blocked = lower(graph, { blockSize });
  const [expected, actual] = [await run(lower(graph), levels), await run(blocked, levels)];
  for (const [name, { data }] of Object.entries(expected)) {
    const numbers = Array.from(data, Number);
    const largest = numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    numbers.forEach((value, i) => {
      const difference = Math.abs(value - Number(actual[name]?.data[i]));
      expect(difference / largest, `${name}, element ${i}`).toBeLessThan(1e-4);
    });
  }
  return blocked.nodes.map(({ op }) => op);
};

const blocked = describe.skipIf(blockSize === null);

blocked('blocked layout', () => {
  it.each<[string, Shape, Network]>([
    [
      'a convolution of colours and one of blocks, with biases',
      [16, 3, 8, 8],
      (b, weight, x) => {
        const first = b.apply('Conv', [x, weight(16, 3, 3, 3), weight(16)], conv());
        return b.apply('Conv', [first, weight(32, 16, 3, 3), weight(32)], conv());
      },
    ],
    [
      'a strided convolution of colours over a batch that fills no block',
      [3, 3, 9, 12],
      (b, weight, x) =>
        b.apply(
          'Conv',
          [x, weight(32, 3, 3, 2)],
          conv({ strides: [2, 2], pads: [1, 0, 0, 1], dilations: [1, 2] }),
        ),
    ],
    [
      'strides that leave a rest, dilation, uneven margins',
      [16, 16, 9, 12],
      (b, weight, x) => {
        const strided = conv({ strides: [2, 2], pads: [1, 0, 0, 2] });
        const first = b.apply('Conv', [x, weight(16, 16, 3, 3)], strided);
        return b.apply('Conv', [first, weight(16, 16, 3, 2)], conv({ dilations: [2, 1] }));
      },
    ],
    [
      'one pixel, and pictures that fill no block',
      [3, 32, 5, 5],
      (b, weight, x) => {
        const first = b.apply('Conv', [x, weight(16, 32, 1, 1)], conv({ pads: [0, 0, 0, 0] }));
        return b.apply('Conv', [first, weight(48, 16, 3, 3)], conv());
      },
    ],
    [
      'large pictures, whose rows are whole blocks, in two bands',
      [2, 16, 48, 48],
      (b, weight, x) => {
        const first = b.apply('Conv', [x, weight(16, 16, 3, 3)], conv());
        return b.apply('Conv', [first, weight(64, 16, 3, 3)], conv());
      },
    ],
    [
      'large pictures, whose rows are filled to blocks, with uneven margins',
      [3, 16, 52, 45],
      (b, weight, x) => {
        const first = b.apply('Conv', [x, weight(16, 16, 1, 1)], conv({ pads: [0, 0, 0, 0] }));
        const uneven = conv({ pads: [0, 3, 1, 0] });
        return b.apply('Conv', [first, weight(16, 16, 2, 5)], uneven);
      },
    ],
    [
      'each channel by itself',
      [2, 16, 6, 6],
      (b, weight, x) => {
        const first = b.apply('Conv', [x, weight(16, 16, 3, 3)], conv());
        return b.apply('Conv', [first, weight(16, 1, 3, 3)], conv({ group: 16 }));
      },
    ],
    [
      'channels side by side, and means over pixels',
      [2, 16, 6, 6],
      (b, weight, x) => {
        const one = b.apply('Conv', [x, weight(16, 16, 3, 3)], conv());
        const two = b.apply('Conv', [x, weight(32, 16, 3, 3)], conv());
        const both = b.apply('Concat', [one, two], { axis: 1 });
        return b.apply('ReduceMean', [both], { axes: [2, 3], keepDimensions: false });
      },
    ],
    [
      'small pictures side by side, with biases, kernels of several sizes and channels',
      [16, 32, 5, 6],
      (b, weight, x) => {
        const tall = conv({ pads: [2, 1, 2, 1] });
        const first = b.apply('Conv', [x, weight(64, 32, 5, 3), weight(64)], tall);
        const second = b.apply('Conv', [b.apply('Relu', [first]), weight(32, 64, 3, 3)], conv());
        return b.apply('ReduceMean', [second], { axes: [2, 3], keepDimensions: false });
      },
    ],
  ])('%s', async (_, shape, network) => {
    expect(await compare(network, shape)).toContain('BlockedConv');
  });

  it('batch normalization is a scale and shift that adds and rectifies on the way', async () => {
    const operators = await compare(
      (b, weight, x) => {
        const unit = (value: Value) => {
          const convolved = b.apply('Conv', [value, weight(16, 16, 3, 3)], conv());
          const [scale, bias] = [weight(16), weight(16)];
          // Copies, because ONNX Runtime's kernel writes over them.
          const zeros = (like: Value) => b.apply('Mul', [like, b.scalar(0)]);
          const inputs = [convolved, scale, bias, zeros(scale), zeros(bias)];
          return b.apply('BatchNormalization', inputs, { epsilon: 1e-3, training: true });
        };
        return b.apply('Relu', [b.apply('Add', [unit(x), unit(x)])]);
      },
      [4, 16, 6, 6],
    );
    expect(operators).not.toContain('BatchNormalization');
    expect(operators.filter((op) => op === 'Relu')).toHaveLength(2); // of the two variances
  });

  it('a normalized first layer is summed by products with its windows', async () => {
    const network: Network = (b, weight, x) => {
      const attributes = conv({ strides: [2, 2], pads: [1, 0, 0, 1] });
      const first = b.apply('Conv', [x, weight(16, 3, 3, 3)], attributes);
      const [scale, bias] = [weight(16), weight(16)];
      const zeros = (like: Value) => b.apply('Mul', [like, b.scalar(0)]);
      const inputs = [first, scale, bias, zeros(scale), zeros(bias)];
      return b.apply('BatchNormalization', inputs, { epsilon: 1e-3, training: true });
    };
    await compare(network, [6, 3, 10, 14]);

    const graph = withGradients(network, [6, 3, 10, 14]);
    const ofWeights = graph.outputs.slice(2);
    const pictures = lower({ ...graph, outputs: ofWeights }, { blockSize }).nodes.filter(
      ({ op, outputs }) => op === 'Mul' && outputs[0]?.shape.join() === '6,16,5,7',
    );
    expect(ofWeights).toHaveLength(3);
    expect(pictures).toHaveLength(1); // of the loss
  });

  it('small pictures lie side by side from pool to pool', async () => {
    const operators = await compare(
      (b, weight, x) => {
        const unit = (value: Value, filters: number, kernel: number) => {
          const pads = (kernel - 1) / 2;
          const convolved = b.apply(
            'Conv',
            [value, weight(filters, value.shape[1] as number, kernel, kernel)],
            conv({ pads: [pads, pads, pads, pads] }),
          );
          const [scale, bias] = [weight(filters), weight(filters)];
          const zeros = (like: Value) => b.apply('Mul', [like, b.scalar(0)]);
          const inputs = [convolved, scale, bias, zeros(scale), zeros(bias)];
          return b.apply('BatchNormalization', inputs, { epsilon: 1e-3, training: true });
        };
        const pooled = b.apply('MaxPool', [unit(x, 16, 3)], pool);
        const first = b.apply('Relu', [unit(pooled, 32, 3)]);
        const sum = b.apply('Add', [unit(first, 32, 3), unit(pooled, 32, 1)]);
        return b.apply('MaxPool', [b.apply('Relu', [sum])], pool);
      },
      [16, 16, 12, 12],
    );
    expect(operators.filter((op) => op === 'Pad').length).toBeGreaterThanOrEqual(4);
  });

  it('a pool without ties', async () => {
    const operators = await compare(
      (b, weight, x) =>
        b.apply('MaxPool', [b.apply('Conv', [x, weight(16, 16, 3, 3)], conv())], pool),
      [2, 16, 6, 6],
    );
    expect(operators).toContain('BlockedMaxPool');
  });

  it.each<[string, Shape, OpAttributes['Conv'], OpAttributes['MaxPool']]>([
    ['is never made whole', [2, 3, 12, 8], conv(), pool],
    ['is never made whole, one channel computed again', [3, 1, 40, 56], conv(), pool],
    [
      'is never made whole, one channel computed again with strides',
      [3, 1, 24, 20],
      conv({ strides: [2, 1], pads: [2, 1, 2, 1] }),
      pool,
    ],
    [
      'is never made whole: wide windows, strides',
      [3, 3, 24, 20],
      conv({ strides: [2, 1], pads: [2, 1, 2, 1] }),
      { ...pool, kernel: [2, 2], strides: [2, 2] },
    ],
    [
      'is made whole where windows of the picture would begin inside it',
      [2, 3, 12, 8],
      conv({ pads: [0, 0, 0, 0], strides: [2, 1] }),
      { ...pool, kernel: [1, 2], strides: [1, 2] },
    ],
  ])('the gradient of a pool after colours %s', async (_, shape, attributes, window) => {
    const operators = await compare((b, weight, x) => {
      const kernel = weight(16, shape[1] as number, 3, 3);
      const first = b.apply('Conv', [x, kernel, weight(16)], attributes);
      return b.apply('MaxPool', [first], window);
    }, shape);
    expect(operators).toContain('BlockedMaxPool');
  });

  it.each([
    [1, 4],
    [3, 0],
  ])('what was pooled of %i channels is computed again %i times', (channels, times) => {
    const graph = withGradients(
      (b, weight, x) => {
        const kernel = weight(16, channels, 3, 3);
        return b.apply('MaxPool', [b.apply('Conv', [x, kernel, weight(16)], conv())], pool);
      },
      [2, channels, 8, 8],
    );
    const again = lower({ ...graph, outputs: graph.outputs.slice(2) }, { blockSize }).nodes.filter(
      ({ op, attributes }) =>
        op === 'BlockedConv' &&
        (attributes as OpAttributes['BlockedConv']).activation === 'IsNotPositive' &&
        (attributes as OpAttributes['BlockedConv']).group === 1,
    );
    expect(again).toHaveLength(times);
  });

  it('the winners of a tie share the gradient', async () => {
    const graph = withGradients(
      (b, weight, x) => {
        const whole = b.apply('Conv', [x, weight(16, 16, 1, 1)], conv({ pads: [0, 0, 0, 0] }));
        return b.apply('MaxPool', [whole], pool);
      },
      [1, 16, 2, 2],
    );
    // One level: every pixel is -1, 0 or 1, so many windows tie.
    const [shared, single] = [
      await run(lower(graph, { blockSize }), 1),
      await run(lower(graph), 1),
    ];
    const total = (data: ArrayLike<unknown>) =>
      Array.from(data, Number).reduce((sum, value) => sum + value, 0);
    expect(total(shared.gradient_0?.data ?? [])).toBeCloseTo(
      total(single.gradient_0?.data ?? []),
      4,
    );
  });

  it('a graph without convolutions stays as it is', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [2, 16, 4, 4]);
    b.output('y', b.apply('Relu', [b.apply('Add', [x, x])]));
    expect(lower(b.build(), { blockSize }).nodes.map(({ op }) => op)).toEqual(['Add', 'Relu']);
  });
});
