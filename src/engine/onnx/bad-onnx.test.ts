/** Files that are refused: one row for each reason, with the words a person needs to mend it. */
import { describe, expect, it } from 'vitest';
import {
  described,
  type FileParts,
  floats,
  integers,
  node,
  onnxFile,
  smallClassifier,
} from '../../../test/onnx-file.ts';
import { RelearnError } from '../../base/errors.ts';
import { createRandom } from '../../base/random.ts';
import type { OnnxNode } from '../../formats/onnx.ts';
import { endAtFeatures } from './end-at-features.ts';
import { type FromOnnxOptions, fromOnnx } from './from-onnx.ts';

const small = smallClassifier;
const weights = small.initializers ?? [];
const withParts = (parts: Partial<FileParts>) => onnxFile({ ...small, ...parts });
/** The small classifier with a node after its input. */
const withNode = (
  extra: (input: string, output: string) => OnnxNode | readonly OnnxNode[],
  parts: Partial<FileParts> = {},
) =>
  withParts({
    ...parts,
    nodes: [
      ...[extra('images', 'changed')].flat(),
      ...small.nodes.map((each, i) =>
        i === 0 ? { ...each, input: ['changed', ...each.input.slice(1)] } : each,
      ),
    ],
    initializers: [...weights, ...(parts.initializers ?? [])],
  });
const withWeight = (name: string, change: object) =>
  withParts({
    initializers: weights.map((each) => (each.name === name ? { ...each, ...change } : each)),
  });
const emptyGraph = { name: 'branch', node: [], initializer: [], input: [], output: [] };

interface Row {
  readonly file: Uint8Array;
  readonly options?: Partial<FromOnnxOptions>;
  /** Its code without `onnx_`. */
  readonly code: string;
  readonly says: string | RegExp;
}

const rows: Readonly<Record<string, Row>> = {
  'data in another file': {
    file: withWeight('fc.weight', {
      rawData: undefined,
      dataLocation: 1,
      externalData: [{ key: 'location', value: '../../etc/passwd' }],
    }),
    code: 'external_data',
    says: 'Initializer "fc.weight" lies in another file, "../../etc/passwd"',
  },
  'a place in another file without the mark for it': {
    file: withWeight('fc.weight', { externalData: [{ key: 'location', value: 'weights.bin' }] }),
    code: 'external_data',
    says: '"fc.weight"',
  },
  'data in another file, inside a node': {
    file: withNode((_, output) =>
      node('Constant', [], [output], {
        value: { dims: [2], dataType: 1, dataLocation: 1, externalData: [] },
      }),
    ),
    code: 'external_data',
    says: 'node "Constant of changed" (Constant)',
  },
  'data in segments': {
    file: withWeight('fc.bias', { segment: Uint8Array.of(8, 1) }),
    code: 'external_data',
    says: 'Initializer "fc.bias" comes in segments.',
  },
  'an operator of an unknown domain': {
    file: withNode((input, output) => node('Evil', [input], [output], {}, 'com.example')),
    code: 'operator',
    says: 'no rule for node "Evil of changed" (com.example:Evil)',
  },
  'a branch': {
    file: withNode((input, output) => node('If', [input], [output], { then_branch: emptyGraph })),
    code: 'control_flow',
    says: 'Attribute then_branch of node "If of changed" (If)',
  },
  'functions of its own': {
    file: withParts({ model: { functions: [Uint8Array.of(10, 1, 65)] } }),
    code: 'functions',
    says: 'functions defined in the file',
  },
  'training graphs': {
    file: withParts({ model: { trainingInfo: [Uint8Array.of()] } }),
    code: 'training_info',
    says: 'training graphs',
  },
  'sparse weights': {
    file: withParts({ graph: { sparseInitializer: [Uint8Array.of()] } }),
    code: 'sparse_tensor',
    says: 'sparse',
  },
  'an old opset': {
    file: withParts({ opset: 6 }),
    code: 'opset',
    says: "The file's opset is 6; Relearn reads 7 to 23.",
  },
  'an opset of the future': { file: withParts({ opset: 99 }), code: 'opset', says: '99' },
  'no opset': {
    file: withParts({ model: { opsetImport: [{ domain: 'ai.onnx.ml', version: 2 }] } }),
    code: 'opset',
    says: 'missing',
  },
  'an IR version of the future': {
    file: withParts({ model: { irVersion: 99 } }),
    code: 'ir_version',
    says: '99',
  },
  'less data than the shape says': {
    file: withWeight('fc.weight', { dims: [4, 500] }),
    code: 'tensor_size',
    says: '"fc.weight" of shape [4,500] and float32 needs 2000 elements, the file holds 20.',
  },
  'a shape beyond all memory': {
    file: withWeight('fc.weight', { dims: [2 ** 31, 1] }),
    code: 'tensor_too_large',
    says: '"fc.weight" claims the shape [2147483648,1]',
  },
  'a shape whose product overflows': {
    file: withWeight('fc.weight', { dims: [2 ** 29, 2 ** 29] }),
    code: 'tensor_too_large',
    says: '"fc.weight"',
  },
  'a negative extent': {
    file: withWeight('fc.weight', { dims: [-4, -5] }),
    code: 'tensor_too_large',
    says: '[-4,-5]',
  },
  'text as weights': {
    file: withWeight('fc.bias', { dataType: 8, rawData: undefined, stringData: [] }),
    code: 'tensor_type',
    says: '"fc.bias" holds string, not numbers',
  },
  'a constant beyond all memory': {
    file: withNode(
      (input, output) => [
        node('ConstantOfShape', ['huge'], ['zeros']),
        node('Add', [input, 'zeros'], [output]),
      ],
      { initializers: [integers('huge', [2 ** 20, 2 ** 20])] },
    ),
    code: 'tensor_too_large',
    says: '[1048576,1048576]',
  },
  'a tensor of a thousand axes': {
    file: withWeight('fc.weight', { dims: new Array(1000).fill(1) }),
    code: 'tensor_too_large',
    says: '"fc.weight" claims 1000 axes',
  },
  'a shape of a thousand axes': {
    file: withNode((input, output) => node('Reshape', [input, 'axes'], [output]), {
      initializers: [integers('axes', [0, -1, ...new Array(998).fill(1)])],
    }),
    code: 'operator',
    says: 'node "Reshape of changed" (Reshape) would make the shape [2,192,1,',
  },
  'a picture that is enlarged beyond all memory': {
    file: withNode(
      (input, output) => [
        node('Expand', [input, 'huge'], ['wide']),
        node('ReduceMean', ['wide'], [output], { axes: [0] }),
      ],
      { initializers: [integers('huge', [2 ** 15, 2 ** 15, 1, 1, 1, 1])] },
    ),
    code: 'operator',
    says: 'node "Expand of wide" (Expand) would make the shape [32768,32768,2,3,8,8]',
  },
  'a mirror without end': {
    file: withNode((input, output) => node('Pad', [input, 'amounts'], [output], { mode: 'edge' }), {
      initializers: [integers('amounts', [0, 0, 2 ** 31, 0, 0, 0, 0, 0])],
    }),
    code: 'operator',
    says: 'node "Pad of changed" (Pad) pads [0,0,2147483648',
  },
  'more outputs than a classifier has': {
    file: withParts({ outputs: new Array(101).fill(described('logits', ['N', 4])) }),
    code: 'too_complex',
    says: 'The file holds 101 outputs.',
  },
  'parts that do not add up, or have no end': {
    file: withNode(
      (input, output) => node('Split', [input, 'sizes'], [output, 'rest'], { axis: 1 }),
      { initializers: [integers('sizes', [2 ** 40, -(2 ** 40) + 3])] },
    ),
    code: 'shape',
    says: 'node "Split of changed" (Split) splits 3 into [1099511627776,-1099511627773]',
  },
  'weights that are no numbers': {
    file: withWeight('conv.bias', floats('conv.bias', [5], [1, 2, Number.NaN, 3, 4])),
    code: 'not_finite',
    says: 'Initializer "conv.bias"',
  },
  'infinite weights': {
    file: withWeight('conv.bias', floats('conv.bias', [5], [1, 2, Infinity, 3, 4])),
    code: 'not_finite',
    says: '"conv.bias"',
  },
  'activations that are quantized and widened again': {
    file: withNode(
      (input, output) => [
        node('QuantizeLinear', [input, 'scale'], ['q']),
        node('DequantizeLinear', ['q', 'scale'], [output]),
      ],
      { initializers: [floats('scale', [], [0.1])] },
    ),
    code: 'quantized',
    says: 'node "QuantizeLinear of q" (QuantizeLinear)',
  },
  'an operator on quantized activations': {
    file: withNode((input, output) => node('QLinearConv', [input, 'fc.bias'], [output])),
    code: 'quantized',
    says: 'node "QLinearConv of changed" (QLinearConv)',
  },
  'a value that nothing makes': {
    file: withNode((_, output) => node('Relu', ['nowhere'], [output])),
    code: 'not_sorted',
    says: 'node "Relu of changed" (Relu) reads "nowhere"',
  },
  'a value made twice': {
    file: withNode((input, output) => [
      node('Relu', [input], [output]),
      node('Relu', [input], [output]),
    ]),
    code: 'duplicate_name',
    says: '"changed"',
  },
  'several inputs': {
    file: withParts({
      inputs: [described('images', ['N', 3, 8, 8]), described('mask', ['N', 1, 8, 8])],
    }),
    code: 'several_inputs',
    says: 'The file has 2 inputs: images, mask.',
  },
  'no input': {
    file: withParts({ inputs: [], nodes: [], outputs: [] }),
    code: 'no_input',
    says: 'no input',
  },
  'an attribute of another type': {
    file: withNode((input, output) => node('Transpose', [input], [output], { perm: 'backwards' })),
    code: 'attribute',
    says: 'Attribute perm of node "Transpose of changed" (Transpose) is not of type ints.',
  },
  'whole numbers as pictures': {
    file: withParts({ inputs: [described('images', ['N', 3, 8, 8], 2)] }),
    code: 'input',
    says: 'The input "images" is not floating-point',
  },
  'rows as pictures': {
    file: withParts({ inputs: [described('images', ['N', 192])] }),
    code: 'input',
    says: '[N,192]',
  },
  'a layout without channels': {
    file: withParts({ inputs: [described('images', ['N', 8, 8, 8])] }),
    code: 'layout',
    says: '[N,8,8,8]: neither [N,C,H,W] nor [N,H,W,C]',
  },
  'a layout that nothing tells': {
    file: withParts({
      inputs: [described('images', ['N', 'C', 'H', 'W'])],
      nodes: [
        node('GlobalAveragePool', ['images'], ['pooled']),
        node('Flatten', ['pooled'], ['flat']),
        ...small.nodes.slice(-1),
      ],
    }),
    options: { imageSize: 8 },
    code: 'layout',
    says: '[N,C,H,W]: neither',
  },
  'a picture size that is left open': {
    file: withParts({ inputs: [described('images', ['N', 3, 'height', 'width'])] }),
    code: 'image_size',
    says: 'The input "images" [N,3,height,width] leaves the picture size open.',
  },
  'another picture size than the file has': {
    file: withParts({}),
    options: { imageSize: 16 },
    code: 'image_size',
    says: 'pictures of 16×16 do not fit',
  },
  'a shape computed from the picture': {
    file: withNode((input, output) => [
      node('Cast', [input], ['whole'], { to: 7 }),
      node('Reshape', [input, 'whole'], [output]),
    ]),
    code: 'dynamic',
    says: 'Input 1 of node "Reshape of changed" (Reshape) depends on the picture',
  },
  'an operator that nobody knows': {
    file: withNode((input, output) => [
      node('Relu', [input], ['before']),
      node('Frobnicate', ['before'], [output]),
    ]),
    code: 'operator',
    says: 'no rule for node "Frobnicate of changed" (Frobnicate)',
  },
  'a convolution over volumes': {
    file: withNode(
      (input, output) => [
        node('Reshape', [input, 'rows'], ['volume']),
        node('Conv', ['volume', 'filter'], [output]),
      ],
      { initializers: [integers('rows', [0, 3, 4, 4, 4]), floats('filter', [3, 3, 3, 3, 3])] },
    ),
    code: 'operator',
    says: 'node "Conv of changed" (Conv) takes [2,3,4,4,4], not pictures [N,C,H,W]',
  },
  'a batch normalization that still learns': {
    file: withNode(
      (input, output) =>
        node('BatchNormalization', [input, 'one', 'one', 'one', 'one'], [output], {
          training_mode: 1,
        }),
      { initializers: [floats('one', [3], [1, 1, 1])] },
    ),
    code: 'operator',
    says: /BatchNormalization.*training mode.*model\.eval\(\)/,
  },
  'random numbers': {
    file: withNode((input, output) => [
      node('RandomNormalLike', [input], ['noise']),
      node('Add', [input, 'noise'], [output]),
    ]),
    code: 'operator',
    says: /RandomNormalLike.*draws random numbers.*model\.eval\(\)/,
  },
  'a normalization over the pictures of a batch': {
    file: withNode((input, output) => node('MeanVarianceNormalization', [input], [output])),
    code: 'operator',
    says: 'normalizes the pictures of a batch together',
  },
  'an index outside its axis': {
    file: withNode((input, output) => node('Gather', [input, 'row'], [output], { axis: 2 }), {
      initializers: [integers('row', [9])],
    }),
    code: 'shape',
    says: /\(Gather\) has the index 9 into axis 2, whose size is 8\./,
  },
  'attention that looks back only': {
    file: withNode(
      (input, output) => node('Attention', [input, input, input], [output], { is_causal: 1 }),
      { opset: 23 },
    ),
    code: 'operator',
    says: /Attention.*looks back only/,
  },
  'shapes that do not fit': {
    file: withNode((input, output) => node('Add', [input, 'odd'], [output]), {
      initializers: [floats('odd', [7])],
    }),
    code: 'shape',
    says: /node "Add of changed" \(Add\) does not fit: .*8 against 7/,
  },
  'a kernel for other channels': {
    file: withWeight('conv.weight', { dims: [5, 1, 9, 3] }),
    code: 'shape',
    says: 'node "Conv of convolved" (Conv) does not fit: 3 channels, the kernel takes 1',
  },
  'a batch that a constant fixes': {
    file: withNode(
      (input, output) => [
        node('Concat', [input, 'beside'], ['wide'], { axis: 3 }),
        node('Slice', ['wide', 'from', 'to', 'along'], [output]),
      ],
      {
        inputs: [described('images', [3, 3, 8, 8])],
        initializers: [
          floats('beside', [3, 3, 8, 8]),
          integers('from', [0]),
          integers('to', [8]),
          integers('along', [3]),
        ],
      },
    ),
    code: 'fixed_batch',
    says: 'node "Concat of wide" (Concat) only works for the 3 pictures',
  },
  'a batch of one that a shape takes for granted, though it is read for one picture': {
    file: withNode(
      (input, output) => [
        node('Transpose', [input], ['turned'], { perm: [1, 0, 2, 3] }),
        node('Reshape', ['turned', 'inner'], ['mixed']),
        node('Reshape', ['mixed', 'outer'], [output]),
      ],
      {
        inputs: [described('images', [1, 3, 8, 8])],
        initializers: [integers('inner', [3, 8, 8]), integers('outer', [1, 3, 8, 8])],
      },
    ),
    options: { batch: 1 },
    code: 'fixed_batch',
    says: 'only works for the 1 pictures',
  },
  'pictures beyond any screen': {
    file: withParts({ inputs: [described('images', ['N', 3, 60000, 60000])] }),
    options: { imageSize: 224 },
    code: 'image_size',
    says: 'cannot be 60000 pixels wide or high',
  },
  'features without a classifier': {
    file: withParts({ nodes: small.nodes.slice(0, 4), outputs: [described('flat', ['N', 5])] }),
    code: 'no_classifier',
    says: 'The output "flat" is not made by a last layer over features.',
  },
  'a map as answer': {
    file: withParts({
      nodes: small.nodes.slice(0, 2),
      outputs: [described('activated', ['N', 5, 4, 4])],
    }),
    code: 'no_classifier',
    says: 'No output of the file is float32 [N, classes]: activated [N,5,4,4].',
  },
  'attention behind a mask': {
    file: withParts({
      nodes: [
        ...small.nodes.slice(0, -1),
        node(
          'Attention',
          ['flat', 'fc.weight', 'fc.bias', 'fc.bias'],
          ['logits'],
          { num_heads: 1 },
          'com.microsoft',
        ),
      ],
    }),
    code: 'operator',
    says: 'is masked, remembers or has parts of different sizes',
  },
  'updates in other places of one picture than of another': {
    file: withParts({
      nodes: [
        ...small.nodes.slice(0, -1),
        node('ScatterND', ['flat', 'places', 'updates'], ['written']),
        node('Gemm', ['written', 'fc.weight', 'fc.bias'], ['logits'], { transB: 1 }),
      ],
      initializers: [...weights, integers('places', [0, 1, 1, 2], [2, 2]), floats('updates', [2])],
    }),
    code: 'operator',
    says: 'writes other places of one picture than of another',
  },
  'more winners than there are': {
    file: withParts({
      nodes: [
        ...small.nodes.slice(0, -1),
        node('TopK', ['flat', 'six'], ['largest', 'places']),
        node('Gemm', ['largest', 'fc.weight', 'fc.bias'], ['logits'], { transB: 1 }),
      ],
      initializers: [...weights, integers('six', [6])],
    }),
    code: 'shape',
    says: 'there are no 6 largest of 5',
  },
  'two answers': {
    file: withParts({
      nodes: [
        ...small.nodes.slice(0, -1),
        node('Gemm', ['flat', 'fc.weight', 'fc.bias'], ['breed'], { transB: 1 }),
        node('Relu', ['convolved'], ['other']),
        node('ReduceMax', ['other'], ['largest'], { axes: [2, 3], keepdims: 0 }),
        node('MatMul', ['largest', 'fc.turned'], ['colour']),
      ],
      initializers: [...weights, floats('fc.turned', [5, 3])],
      outputs: [described('breed', ['N', 4]), described('colour', ['N', 3])],
    }),
    code: 'several_classifiers',
    says: 'The file has 2 outputs [N, classes] that do not depend on each other: breed, colour.',
  },
  'an output that nothing makes': {
    file: withParts({ outputs: [described('scores', ['N', 4])] }),
    code: 'output',
    says: '"scores" is not computed from the picture.',
  },
};

describe('a file is refused that holds', () => {
  it.each(Object.entries(rows))('%s', (_, { file, options, code, says }) => {
    const error = (() => {
      try {
        return fromOnnx(file, { batch: 2, ...options });
      } catch (thrown) {
        return thrown;
      }
    })() as RelearnError;
    expect(error).toMatchObject({ name: 'RelearnError', kind: 'invalid', code: `onnx_${code}` });
    expect(error.message).toMatch(says);
    expect(error.hint).toMatch(/^[A-Z].*\.$/s);
  });

  it('no model', () => {
    for (const bytes of [Buffer.from('no model'), new Uint8Array(), new Uint8Array(100)])
      expect(() => fromOnnx(bytes, { batch: 1 })).toThrow('The file is not an ONNX model.');
  });

  it.each([
    ['nothing', '', /empty/],
    [
      'a pointer to where it lies',
      'version https://git-lfs.github.com/spec/v1\noid',
      /git lfs pull/,
    ],
    ['a web page', '\n<!DOCTYPE html><title>404</title>', /web page/],
    ['other bytes', 'PK\u0003\u0004', /complete/],
  ])('no model but %s', (_, text, cure) => {
    try {
      fromOnnx(Buffer.from(text), { batch: 1 });
      expect.unreachable();
    } catch (error) {
      expect((error as RelearnError).hint).toMatch(cure);
    }
  });

  it('messages without end', () => {
    // A graph (field 7) of empty nodes (field 1), two bytes each.
    const nodes = Buffer.alloc(2_100_000, Buffer.of(0x0a, 0x00));
    const head = Buffer.of(0x3a, ...varint(nodes.length));
    expect(() => fromOnnx(Buffer.concat([head, nodes]), { batch: 1 })).toThrow(
      'holds over 1000000 messages',
    );
  });

  it('messages in messages in messages', () => {
    // A graph in an attribute (field 6) of a node's (field 5) graph, and so on.
    let inner = Buffer.alloc(0);
    for (let depth = 0; depth < 40; depth++)
      for (const field of [6, 5, 1])
        inner = Buffer.concat([Buffer.of((field << 3) | 2, ...varint(inner.length)), inner]);
    const model = Buffer.concat([Buffer.of(0x3a, ...varint(inner.length)), inner]);
    expect(() => fromOnnx(model, { batch: 1 })).toThrow('nests messages more than 32 deep');
  });
});

const varint = (number: number): number[] =>
  number < 128 ? [number] : [(number & 127) | 128, ...varint(number >>> 7)];

it('an unknown operator comes with the nearest cut before it, which works', () => {
  const file = rows['an operator that nobody knows']?.file as Uint8Array;
  let cut: string | undefined;
  try {
    fromOnnx(file, { batch: 2 });
  } catch (error) {
    cut = (error as RelearnError).details?.cut as string;
  }
  expect(cut).toBe('before');
  expect(fromOnnx(endAtFeatures(file, 'before'), { batch: 2 }).featureCount).toBe(3);
});

describe('damaged bytes', () => {
  const file = onnxFile(smallClassifier);
  const readsOrRefuses = (bytes: Uint8Array, how: string) => {
    try {
      fromOnnx(bytes, { batch: 2, imageSize: 8 });
    } catch (error) {
      expect(error, `${how}: ${(error as Error).stack}`).toBeInstanceOf(RelearnError);
    }
  };

  it('end in a clear error wherever the file is cut short', () => {
    for (let length = 0; length < file.length; length++)
      readsOrRefuses(file.subarray(0, length), `the first ${length} bytes`);
  });

  it('end in a clear error, or in another model, whichever bytes are changed', () => {
    const random = createRandom(20);
    const below = (limit: number) => Math.floor(random.next() * limit);
    for (let round = 0; round < 3000; round++) {
      const changed = Uint8Array.from(file);
      const places = Array.from({ length: 1 + below(4) }, () => below(changed.length));
      for (const place of places) changed[place] = below(256);
      readsOrRefuses(changed, `round ${round}, bytes ${places}`);
    }
  });
});
