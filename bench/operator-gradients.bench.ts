/**
 * The time of single operators and of their gradients, batch 32, on all cores: what the rules under
 * src/engine/autodiff were chosen by. Only one number leaves each run, so that no copy is measured.
 *
 * npm run bench -- operator-gradients [TEXT THAT THE OPERATOR'S TITLE HOLDS]
 */
import { availableParallelism } from 'node:os';
import { createRandom } from '../src/base/random.ts';
import { differentiate } from '../src/engine/autodiff/differentiate.ts';
import { GraphBuilder } from '../src/engine/graph/builder.ts';
import type { Value } from '../src/engine/graph/graph.ts';
import { lowerings } from '../src/engine/onnx/lowerings.ts';
import { toOnnx } from '../src/engine/onnx/to-onnx.ts';
import { lower } from '../src/engine/passes/lower.ts';
import { createSession } from '../src/engine/runtime/session.ts';
import { type Shape, sizeOf } from '../src/engine/tensor/shape.ts';
import { float32 } from '../src/engine/tensor/tensor.ts';
import { describeMachine } from './machine.ts';

const batch = 32;
const repeats = 10;

interface Example {
  readonly title: string;
  readonly shapes: readonly Shape[];
  readonly apply: (b: GraphBuilder, inputs: readonly Value[]) => Value;
}

const conv = (channels: number, size: number, kernel: number, stride: number, group: number) => {
  const pad = (kernel - 1) / 2;
  return {
    title: `Conv ${channels}×${size}×${size}, ${kernel}×${kernel}, stride ${stride}, ${group} groups`,
    shapes: [
      [batch, channels, size, size],
      [channels, channels / group, kernel, kernel],
    ],
    apply: (b: GraphBuilder, inputs: readonly Value[]) =>
      b.apply('Conv', inputs, {
        strides: [stride, stride],
        pads: [pad, pad, pad, pad],
        dilations: [1, 1],
        group,
      }),
  };
};
const depthwise = (channels: number, size: number, kernel: number, stride: number) =>
  conv(channels, size, kernel, stride, channels);
const elementwise = (title: string, apply: (b: GraphBuilder, x: Value) => Value): Example => ({
  title,
  shapes: [[batch, 96, 56, 56]],
  apply: (b, [x]) => apply(b, x as Value),
});

const examples: readonly Example[] = [
  depthwise(32, 112, 3, 1),
  depthwise(96, 112, 3, 2),
  depthwise(144, 56, 3, 1),
  depthwise(384, 14, 3, 1),
  depthwise(576, 14, 3, 2),
  depthwise(960, 7, 3, 1),
  depthwise(240, 28, 5, 1),
  depthwise(672, 14, 5, 1),
  conv(128, 56, 3, 1, 32),
  conv(256, 56, 3, 2, 32),
  conv(512, 14, 3, 1, 32),
  {
    title: 'MaxPool 64×112×112, 3×3, stride 2',
    shapes: [[batch, 64, 112, 112]],
    apply: (b, inputs) =>
      b.apply('MaxPool', inputs, {
        kernel: [3, 3],
        strides: [2, 2],
        pads: [1, 1, 1, 1],
        dilations: [1, 1],
      }),
  },
  elementwise('Relu6', (b, x) => b.apply('Clip', [x], { min: 0, max: 6 })),
  elementwise('HardSwish', (b, x) => lowerings.HardSwish(b, [x], {})[0] as Value),
  elementwise('Silu', (b, x) => lowerings.Silu(b, [x], { alpha: 1 })[0] as Value),
  elementwise('Gelu', (b, x) => lowerings.Gelu(b, [x], { approximate: 'none' })[0] as Value),
  {
    title: 'LayerNormalization 49×768',
    shapes: [[batch, 49, 768], [768], [768]],
    apply: (b, inputs) => b.apply('LayerNormalization', inputs, { axis: 2, epsilon: 1e-5 }),
  },
];

/** One number of a value, which is computed whole. */
const oneOf = (b: GraphBuilder, value: Value): Value =>
  b.apply('Slice', [b.apply('Reshape', [value], { shape: [sizeOf(value.shape)] })], {
    starts: [0],
    ends: [1],
    axes: [0],
    steps: [1],
  });

/** Milliseconds of the fastest of several runs. */
const measure = async ({ shapes, apply }: Example, wrt: number | undefined): Promise<number> => {
  const b = new GraphBuilder();
  const inputs = shapes.map((shape, i) => b.input(`input_${i}`, 'float32', shape));
  const y = apply(b, inputs);
  const upstream = b.input('upstream', 'float32', y.shape);
  if (wrt === undefined) b.output('one', oneOf(b, y));
  else {
    const axes = y.shape.map((_, axis) => axis);
    const weighted = b.apply('Mul', [y, upstream]);
    const loss = b.apply('ReduceSum', [weighted], { axes, keepDimensions: false });
    const [gradient] = differentiate(b, loss, [inputs[wrt] as Value]);
    b.output('one', oneOf(b, gradient as Value));
  }
  const session = await createSession(toOnnx(lower(b.build())), {
    threads: availableParallelism(),
  });
  const random = createRandom(1);
  const feeds = Object.fromEntries(
    [...inputs, upstream]
      .filter(({ name }) => session.inputNames.includes(name))
      .map(({ name, shape }) => [
        name,
        float32(
          shape,
          Float32Array.from({ length: sizeOf(shape) }, () => random.normal()),
        ),
      ]),
  );
  let fastest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < repeats; i++) {
    const start = performance.now();
    await session.run(feeds);
    fastest = Math.min(fastest, performance.now() - start);
  }
  await session.close();
  return fastest;
};

console.log(`${describeMachine()}\nmilliseconds, batch ${batch}: forward, then each gradient with`);
console.log('what it needs of the forward pass');
const [wanted = ''] = process.argv.slice(2);
for (const example of examples.filter(({ title }) => title.includes(wanted))) {
  const times = [await measure(example, undefined)];
  for (let i = 0; i < example.shapes.length; i++) times.push(await measure(example, i));
  console.log(`${example.title}: ${times.map((time) => time.toFixed(1)).join(', ')}`);
}
