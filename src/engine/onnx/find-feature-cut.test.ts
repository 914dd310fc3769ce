/**
 * Last layers as people build them: what they read is found by itself, and the answer before any
 * softmax is the file's.
 */
import { describe, expect, it } from 'vitest';
import { described, floats, integers, node, onnxFile } from '../../../test/onnx-file.ts';
import { createRandom } from '../../base/random.ts';
import type { OnnxNode, OnnxTensor } from '../../formats/onnx.ts';
import { createSession } from '../runtime/session.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { fromOnnx } from './from-onnx.ts';
import { openBatchSize } from './open-batch.ts';
import { toOnnx } from './to-onnx.ts';

/** Pictures to a map [N,6,4,4], its mean [N,6] (`mean`), its largest [N,6] and its tokens [N,16,6]. */
const body = [
  node('Conv', ['images', 'kernel'], ['convolved'], {
    kernel_shape: [3, 3],
    strides: [2, 2],
    pads: [1, 1, 1, 1],
  }),
  node('Relu', ['convolved'], ['map']),
  node('ReduceMean', ['map'], ['mean'], { axes: [2, 3], keepdims: 0 }),
  node('ReduceMax', ['map'], ['largest'], { axes: [2, 3], keepdims: 0 }),
  node('Reshape', ['map', 'pixels'], ['columns']),
  node('Transpose', ['columns'], ['tokens'], { perm: [0, 2, 1] }),
];
const numbers = [
  floats('kernel', [6, 3, 3, 3]),
  integers('pixels', [0, 6, 16]),
  ...['first', 'second'].flatMap((name) => [
    floats(name, [4, 6]),
    floats(`${name}.turned`, [6, 4]),
    floats(`${name}.bias`, [4]),
  ]),
  floats('one pixel', [4, 6, 1, 1]),
  floats('two groups', [4, 3, 1, 1]),
  floats('all pixels', [4, 6, 4, 4]),
  floats('half', [], [0.5]),
  floats('thirty', [], [30]),
  integers('order', [2, 0, 3, 1]),
  integers('middle', [1]),
  integers('front', [0]),
];

const dense = (input: string, name: string, output = name): OnnxNode =>
  node('Gemm', [input, name, `${name}.bias`], [output], { transB: 1 });

interface Head {
  readonly nodes: readonly OnnxNode[];
  /** Values of the file that the features are, joined; default the mean. */
  readonly features?: readonly string[];
  readonly initializers?: readonly OnnxTensor[];
}

const heads: Readonly<Record<string, Head>> = {
  'the mean of two, over the same': {
    nodes: [
      dense('mean', 'first', 'left'),
      dense('mean', 'second', 'right'),
      node('Add', ['left', 'right'], ['sum']),
      node('Mul', ['sum', 'half'], ['logits']),
    ],
  },
  'the mean of two, each over its own': {
    nodes: [
      dense('mean', 'first', 'left'),
      dense('largest', 'second', 'right'),
      node('Mean', ['left', 'right'], ['logits']),
    ],
    features: ['mean', 'largest'],
  },
  'the mean of two that are stacked': {
    nodes: [
      dense('mean', 'first', 'left'),
      dense('mean', 'second', 'right'),
      node('Unsqueeze', ['left', 'front'], ['above']),
      node('Unsqueeze', ['right', 'front'], ['below']),
      node('Concat', ['above', 'below'], ['stack'], { axis: 0 }),
      node('ReduceMean', ['stack'], ['logits'], { axes: [0], keepdims: 0 }),
    ],
  },
  'parts side by side': {
    nodes: [
      node('Split', ['first.turned'], ['w', 'v'], { axis: 1 }),
      node('MatMul', ['mean', 'w'], ['left']),
      node('MatMul', ['mean', 'v'], ['right']),
      node('Concat', ['left', 'right'], ['logits'], { axis: 1 }),
    ],
  },
  'scaled cosines': {
    nodes: [
      node('ReduceL2', ['first'], ['norm'], { axes: [1] }),
      node('Div', ['first', 'norm'], ['directions']),
      node('Transpose', ['directions'], ['turned'], { perm: [1, 0] }),
      node('LpNormalization', ['mean'], ['direction']),
      node('MatMul', ['direction', 'turned'], ['cosines']),
      node('Mul', ['cosines', 'thirty'], ['logits']),
    ],
    features: ['direction'],
  },
  'limited softly, then clipped': {
    nodes: [
      dense('mean', 'first', 'raw'),
      node('Div', ['raw', 'thirty'], ['small']),
      node('Tanh', ['small'], ['limited']),
      node('Mul', ['limited', 'thirty'], ['large']),
      node('Clip', ['large', '', 'thirty'], ['logits']),
    ],
  },
  reordered: {
    nodes: [
      dense('mean', 'first', 'raw'),
      node('Gather', ['raw', 'order'], ['logits'], { axis: 1 }),
    ],
  },
  'each token by itself, then the mean': {
    nodes: [
      node('MatMul', ['tokens', 'first.turned'], ['product']),
      node('Add', ['product', 'first.bias'], ['answers']),
      node('ReduceMean', ['answers'], ['logits'], { axes: [1], keepdims: 0 }),
    ],
  },
  'over one token': {
    nodes: [
      node('ReduceMean', ['tokens'], ['token'], { axes: [1] }),
      node('MatMul', ['token', 'first.turned'], ['product']),
      node('Add', ['product', 'first.bias'], ['answers']),
      node('Squeeze', ['answers', 'middle'], ['logits']),
    ],
  },
  'each pixel by itself, then the largest': {
    nodes: [
      node('Conv', ['map', 'one pixel'], ['maps']),
      node('GlobalMaxPool', ['maps'], ['pixel']),
      node('Flatten', ['pixel'], ['logits']),
    ],
  },
  'a convolution in groups': {
    nodes: [
      node('GlobalAveragePool', ['map'], ['pixel']),
      node('Conv', ['pixel', 'two groups'], ['answers'], { group: 2 }),
      node('Flatten', ['answers'], ['logits']),
    ],
  },
  'a convolution of all pixels': {
    nodes: [
      node('Conv', ['map', 'all pixels'], ['answers']),
      node('Flatten', ['answers'], ['logits']),
    ],
    features: ['map'],
  },
  'a sum by letters': {
    nodes: [node('Einsum', ['mean', 'first'], ['logits'], { equation: 'nf,kf->nk' })],
  },
};

const random = createRandom(3);
const images = float32(
  [2, 3, 8, 8],
  Float32Array.from({ length: 2 * 3 * 64 }, () => random.next()),
);
const run = async (file: Uint8Array) => {
  const session = await createSession(file);
  const outputs = (await session.run({ images })) as Record<string, Tensor<'float32'>>;
  await session.close();
  return outputs;
};
const logits = described('logits', ['N', 4]);

describe('what a last layer reads is found', () => {
  it.each(Object.entries(heads))('%s', async (_, { nodes, features = ['mean'] }) => {
    const file = onnxFile({ nodes: [...body, ...nodes], initializers: numbers, outputs: [logits] });
    const shown = onnxFile({
      nodes: [...body, ...nodes],
      initializers: numbers,
      outputs: [logits, ...features.map((name) => described(name, []))].map((output) => ({
        name: output.name,
        type: { tensorType: { elemType: 1 } },
      })) as never,
    });
    const { graph, weights, classes } = fromOnnx(file, { batch: openBatchSize });
    expect(classes).toBe(4);
    const ours = await run(toOnnx(graph, { weights, openBatch: true }));
    const theirs = await run(shown);
    const rows = features.map((name) => theirs[name]?.data as Float32Array);
    const joined = [0, 1].flatMap((n) =>
      rows.flatMap((data) => [
        ...data.subarray((n * data.length) / 2, ((n + 1) * data.length) / 2),
      ]),
    );
    const near = (data: Iterable<number>) => Array.from(data, (x) => expect.closeTo(x, 4));
    expect([...(ours.features?.data ?? [])]).toEqual(near(joined));
    expect([...(ours.logits?.data ?? [])]).toEqual(near(theirs.logits?.data ?? []));
  });

  it('where answers to several questions share it, though none is the answer', () => {
    const outputs = [described('breed', ['N', 4]), described('colour', ['N', 4])];
    const nodes = [...body, dense('mean', 'first', 'breed'), dense('mean', 'second', 'colour')];
    const file = onnxFile({ nodes, initializers: numbers, outputs });
    const { classes, featureCount } = fromOnnx(file, { batch: openBatchSize });
    expect({ classes, featureCount }).toEqual({ classes: undefined, featureCount: 6 });
  });

  it.each<[string, readonly OnnxNode[]]>([
    [
      'an embedding that no weight makes',
      [node('ReduceMax', ['map'], ['logits'], { axes: [2, 3], keepdims: 0 })],
    ],
    [
      'a mean of shares, which are no logits',
      [
        dense('mean', 'first', 'left'),
        dense('mean', 'second', 'right'),
        node('Softmax', ['left'], ['these']),
        node('Softmax', ['right'], ['those']),
        node('Mean', ['these', 'those'], ['logits']),
      ],
    ],
    [
      'pictures that judge each other',
      [
        node('Transpose', ['mean'], ['turned'], { perm: [1, 0] }),
        node('MatMul', ['mean', 'turned'], ['alike']),
        node('MatMul', ['alike', 'mean'], ['logits']),
      ],
    ],
  ])('but not for %s', (_, nodes) => {
    const file = onnxFile({ nodes: [...body, ...nodes], initializers: numbers, outputs: [logits] });
    expect(() => fromOnnx(file, { batch: openBatchSize })).toThrow(
      expect.objectContaining({ code: 'onnx_no_classifier' }),
    );
  });
});
