/** Every lowering against ONNX Runtime's own kernel for the operator that it stands for. */
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../base/random.ts';
import {
  encodeOnnx,
  type OnnxAttribute,
  onnxAttributeType,
  onnxDataType,
} from '../../formats/onnx.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';
import { createSession } from '../runtime/session.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import { float32, type Tensor, tensor } from '../tensor/tensor.ts';
import type { angleLowerings } from './lowerings/angles.ts';
import { samePadding } from './lowerings/windows.ts';
import { lowerings } from './lowerings.ts';
import { toOnnx } from './to-onnx.ts';

interface Original {
  readonly op: string;
  readonly shapes: readonly Shape[];
  /** Between which numbers the inputs are drawn; ±1 unless given. */
  readonly range?: readonly [least: number, most: number];
  /** Rounded down. */
  readonly whole?: boolean;
  /** Numbers, text or lists, as ONNX's attributes. */
  readonly attributes?: Readonly<Record<string, number | string | readonly number[]>>;
  /** Attributes that are floats even where they are whole. */
  readonly floats?: readonly string[];
  /** Constant inputs after the others. */
  readonly constants?: readonly Tensor[];
  /** The one constant stands between the two inputs. */
  readonly constantsSecond?: boolean;
  readonly opset?: number;
  readonly domain?: string;
  readonly outputs?: number;
  readonly lower: (b: GraphBuilder, inputs: readonly Value[]) => readonly Value[];
}

const encodeAttribute = (
  name: string,
  value: number | string | readonly number[],
  isFloat: boolean,
): OnnxAttribute => {
  if (typeof value === 'string')
    return { name, type: onnxAttributeType.string, s: new TextEncoder().encode(value) };
  if (typeof value !== 'number') return { name, type: onnxAttributeType.ints, ints: value };
  return isFloat || !Number.isInteger(value)
    ? { name, type: onnxAttributeType.float, f: value }
    : { name, type: onnxAttributeType.int, i: value };
};

/** A model of the one node. */
const original = (given: Original): Uint8Array => {
  const {
    op,
    shapes,
    attributes = {},
    floats = [],
    constants = [],
    opset = 17,
    domain,
    constantsSecond,
  } = given;
  const inputs = shapes.map((shape, i) => ({
    name: `input_${i}`,
    type: {
      tensorType: {
        elemType: onnxDataType.float32,
        shape: { dim: shape.map((extent) => ({ dimValue: extent })) },
      },
    },
  }));
  const output = Array.from({ length: given.outputs ?? 1 }, (_, i) => `output_${i}`);
  return encodeOnnx({
    irVersion: 8,
    producerName: 'test',
    producerVersion: '1',
    opsetImport: [
      { domain: '', version: opset },
      { domain: 'com.microsoft', version: 1 },
    ],
    metadataProps: [],
    graph: {
      name: op,
      node: [
        {
          opType: op,
          ...(domain ? { domain } : {}),
          input: constantsSecond
            ? ['input_0', 'constant_0', 'input_1']
            : [...inputs.map(({ name }) => name), ...constants.map((_, i) => `constant_${i}`)],
          output,
          attribute: Object.entries(attributes).map(([name, value]) =>
            encodeAttribute(name, value, floats.includes(name)),
          ),
        },
      ],
      initializer: constants.map(({ dtype, shape, data }, i) => ({
        name: `constant_${i}`,
        dims: shape,
        dataType: onnxDataType[dtype],
        rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      })),
      input: inputs,
      output: output.map((name) => ({
        name,
        type: { tensorType: { elemType: onnxDataType.float32, shape: undefined as never } },
      })),
    },
  });
};

const lowered = ({ shapes, lower }: Original): Uint8Array => {
  const b = new GraphBuilder();
  const inputs = shapes.map((shape, i) => b.input(`input_${i}`, 'float32', shape));
  lower(b, inputs).forEach((value, i) => {
    b.output(`output_${i}`, value);
  });
  return toOnnx(b.build());
};

const run = async (model: Uint8Array, inputs: Record<string, Tensor>) => {
  const session = await createSession(model);
  const outputs = await session.run(inputs);
  await session.close();
  return outputs;
};

const vector = (...numbers: number[]): Tensor =>
  tensor('int64', [numbers.length], BigInt64Array.from(numbers, BigInt));
const activation = (op: string, lower: (b: GraphBuilder, x: Value) => readonly Value[]) => ({
  op,
  shapes: [[5, 7]],
  lower: (b: GraphBuilder, [x]: readonly Value[]) => lower(b, x as Value),
});
type ReductionName = Extract<keyof typeof lowerings, `Reduce${string}`>;
type AngleName = keyof typeof angleLowerings;
const over = { axes: [1, 2], keepDimensions: false };
const reduction = (op: ReductionName): Original => ({
  op,
  shapes: [[2, 3, 4]],
  attributes: { axes: [1, 2], keepdims: 0 },
  lower: (b, x) => lowerings[op](b, x, over),
});
const elementwise = (op: 'Sum' | 'Mean' | 'Min' | 'Max'): Original => ({
  op,
  shapes: [[3, 4], [4], [3, 1]],
  lower: (b, x) => lowerings[op](b, x, {}),
});
const einsum = (equation: string, ...shapes: Shape[]): Original => ({
  op: 'Einsum',
  shapes,
  attributes: { equation },
  lower: (b, x) => lowerings.Einsum(b, x, { equation }),
});

const poolOriginal = (
  op: 'MaxPool' | 'AveragePool',
  extent: number,
  kernel: number,
  stride: number,
  pad: number,
  countIncludePad = false,
): Original => {
  const window = {
    kernel: [kernel, kernel],
    strides: [stride, stride],
    pads: [pad, pad, pad, pad],
  } as const;
  return {
    op,
    shapes: [[1, 2, extent, extent + 1]],
    attributes: {
      kernel_shape: window.kernel,
      strides: window.strides,
      pads: window.pads,
      ceil_mode: 1,
      ...(op === 'AveragePool' ? { count_include_pad: countIncludePad ? 1 : 0 } : {}),
    },
    lower: (b, x) =>
      op === 'MaxPool'
        ? lowerings.MaxPool(b, x, { ...window, dilations: [1, 1], ceilMode: true })
        : lowerings.AveragePool(b, x, { ...window, countIncludePad, ceilMode: true }),
  };
};

const same = (larger: 'upper' | 'lower', extent: number, stride: number): Original => ({
  op: 'MaxPool',
  shapes: [[1, 2, extent, extent]],
  attributes: {
    kernel_shape: [3, 3],
    strides: [stride, stride],
    auto_pad: `SAME_${larger.toUpperCase()}`,
  },
  lower: (b, [x]) => {
    const window = {
      kernel: [3, 3],
      strides: [stride, stride],
      dilations: [1, 1],
    } as const;
    const pads = samePadding([extent, extent], { ...window, larger });
    return b.node('MaxPool', [x as Value], { ...window, pads }).slice(0, 1);
  },
});

const group = (opset: number, scale: number): Original => ({
  op: 'GroupNormalization',
  opset,
  shapes: [[2, 6, 3, 4], [scale], [scale]],
  attributes: { num_groups: 2, epsilon: 1e-3 },
  lower: (b, x) => lowerings.GroupNormalization(b, x, { groups: 2, epsilon: Math.fround(1e-3) }),
});

const pad = (mode: 'constant' | 'reflect' | 'edge' | 'wrap', value = 0): Original => ({
  op: 'Pad',
  ...(mode === 'wrap' ? { opset: 19 } : {}),
  shapes: [[1, 2, 4, 5]],
  attributes: { mode },
  constants: [vector(0, 0, 2, 1, 0, 0, 3, 2), float32([], [value])],
  lower: (b, x) => lowerings.Pad(b, x, { pads: [0, 0, 2, 1, 0, 0, 3, 2], mode, value }),
});

const cumSum = (axis: number, exclusive: boolean, reverse: boolean): Original => ({
  op: 'CumSum',
  shapes: [[2, 3, 4]],
  attributes: { exclusive: +exclusive, reverse: +reverse },
  constants: [tensor('int64', [], BigInt64Array.from([BigInt(axis)]))],
  lower: (b, x) => lowerings.CumSum(b, x, { axis, exclusive, reverse }),
});

const trilu = (upper: 0 | 1, diagonal: number): Original => ({
  op: 'Trilu',
  shapes: [[2, 3, 4]],
  attributes: { upper },
  constants: [tensor('int64', [], BigInt64Array.from([BigInt(diagonal)]))],
  lower: (b, x) => lowerings.Trilu(b, x, { upper: upper === 1, diagonal }),
});

/** Places along the first axis of [4,3]. */
const chosen = [3, 0, -1, 1, 1, 2];

const lpPool = (p: number): Original => ({
  op: 'LpPool',
  opset: 17,
  shapes: [[1, 2, 5, 6]],
  attributes: { p, kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 1, 0] },
  lower: (b, x) =>
    lowerings.LpPool(b, x, { p, kernel: [3, 2], strides: [2, 2], pads: [1, 0, 1, 0] }),
});

const gather = (
  title: string,
  axis: number,
  shape: Shape,
  indices: number[],
): [string, Original] => [
  `Gather, ${title}`,
  {
    op: 'Gather',
    shapes: [[3, 4, 2]],
    attributes: { axis },
    constants: [tensor('int64', shape, BigInt64Array.from(indices, BigInt))],
    lower: (b, x) => lowerings.Gather(b, x, { axis, indices, shape }),
  },
];

const blocks = (op: 'DepthToSpace', mode: 'DCR' | 'CRD'): Original => ({
  op,
  shapes: [[2, 8, 2, 3]],
  attributes: { blocksize: 2, mode },
  lower: (b, x) => lowerings.DepthToSpace(b, x, { blockSize: 2, mode }),
});

const matMul = (...shapes: Shape[]): Original => ({
  op: 'MatMul',
  shapes,
  lower: (b, x) => lowerings.MatMul(b, x, {}),
});

const angles: readonly (readonly [op: AngleName, range?: readonly [number, number]])[] = [
  ['Tan'],
  ['Asin'],
  ['Acos'],
  ['Sinh', [-4, 4]],
  ['Cosh', [-4, 4]],
  ['Acosh', [1, 5]],
  ['Atanh'],
];

const affineGrid = (alignCorners: 0 | 1): [string, Original] => [
  `AffineGrid, corners ${alignCorners ? 'aligned' : 'apart'}`,
  {
    op: 'AffineGrid',
    opset: 20,
    shapes: [[2, 2, 3]],
    attributes: { align_corners: alignCorners },
    constants: [vector(2, 1, 3, 4)],
    lower: (b, x) =>
      lowerings.AffineGrid(b, x, { height: 3, width: 4, alignCorners: alignCorners === 1 }),
  },
];

const originals: readonly (readonly [title: string, original: Original])[] = [
  ['HardSwish', activation('HardSwish', (b, x) => lowerings.HardSwish(b, [x], {}))],
  [
    'Silu, as QuickGelu',
    {
      ...activation('QuickGelu', (b, x) => lowerings.Silu(b, [x], { alpha: 1.702 })),
      domain: 'com.microsoft',
      attributes: { alpha: 1.702 },
    },
  ],
  ['Mish', { ...activation('Mish', (b, x) => lowerings.Mish(b, [x], {})), opset: 18 }],
  [
    'Gelu',
    {
      ...activation('Gelu', (b, x) => lowerings.Gelu(b, [x], { approximate: 'none' })),
      opset: 20,
    },
  ],
  [
    'Gelu by tanh',
    {
      ...activation('Gelu', (b, x) => lowerings.Gelu(b, [x], { approximate: 'tanh' })),
      opset: 20,
      attributes: { approximate: 'tanh' },
    },
  ],
  [
    'Selu',
    {
      ...activation('Selu', (b, x) => lowerings.Selu(b, [x], { alpha: 1.5, gamma: 1.1 })),
      attributes: { alpha: 1.5, gamma: 1.1 },
    },
  ],
  [
    'Celu',
    {
      ...activation('Celu', (b, x) => lowerings.Celu(b, [x], { alpha: 1.5 })),
      attributes: { alpha: 1.5 },
    },
  ],
  [
    'Shrink',
    {
      ...activation('Shrink', (b, x) => lowerings.Shrink(b, [x], { lambda: 0.5, bias: 0.25 })),
      attributes: { lambd: 0.5, bias: 0.25 },
    },
  ],
  ...angles.map(([op, range = [-1, 1]]) => {
    const given = { ...activation(op, (b, x) => lowerings[op](b, [x], {})), range };
    return [op, given] as [string, Original];
  }),
  ['Softsign', activation('Softsign', (b, x) => lowerings.Softsign(b, [x], {}))],

  [
    'Split',
    {
      op: 'Split',
      shapes: [[2, 6]],
      attributes: { axis: 1 },
      constants: [vector(1, 3, 2)],
      outputs: 3,
      lower: (b, x) => lowerings.Split(b, x, { axis: 1, sizes: [1, 3, 2] }),
    },
  ],
  [
    'Tile',
    {
      op: 'Tile',
      shapes: [[2, 3, 2]],
      constants: [vector(2, 1, 3)],
      lower: (b, x) => lowerings.Tile(b, x, { repeats: [2, 1, 3] }),
    },
  ],
  gather('one place', 1, [], [-1]),
  gather('places in a row', 1, [2], [1, 2]),
  gather('a table of places', 1, [2, 2], [3, 0, -2, 0]),
  ['Pad, constant', pad('constant', 1.5)],
  ['Pad, reflect', pad('reflect')],
  ['Pad, edge', pad('edge')],
  ['Pad, wrap', pad('wrap')],
  [
    'OneHot',
    {
      op: 'OneHot',
      shapes: [[2, 5]],
      range: [-4, 4],
      whole: true,
      attributes: { axis: 1 },
      constants: [float32([], [4]), float32([2], [-0.5, 3])],
      lower: (b, x) => lowerings.OneHot(b, x, { axis: 1, depth: 4, on: 3, off: -0.5 }),
    },
  ],
  [
    'Hardmax',
    {
      op: 'Hardmax',
      shapes: [[2, 5, 3]],
      attributes: { axis: 1 },
      lower: (b, x) => lowerings.Hardmax(b, x, { axis: 1 }),
    },
  ],
  ['CumSum', cumSum(1, false, false)],
  ['CumSum, from the end, without the place itself', cumSum(2, true, true)],
  ['CumSum, from the end', cumSum(0, false, true)],
  ['Trilu, upper', trilu(1, -1)],
  ['Trilu, lower', trilu(0, 1)],
  [
    'GatherND',
    {
      op: 'GatherND',
      shapes: [[3, 4, 2]],
      constants: [
        tensor('int64', [2, 2, 2], BigInt64Array.from([0n, 1n, -1n, 3n, 2n, 0n, 1n, -2n])),
      ],
      lower: (b, x) =>
        lowerings.GatherND(b, x, { indices: [0, 1, -1, 3, 2, 0, 1, -2], shape: [2, 2, 2] }),
    },
  ],
  [
    'ScatterND',
    {
      op: 'ScatterND',
      shapes: [
        [2, 3, 4, 2],
        [2, 2, 2],
      ],
      constantsSecond: true,
      constants: [
        tensor(
          'int64',
          [2, 2, 3],
          BigInt64Array.from([0, 2, 1, 0, 0, 3, 1, 2, 1, 1, 0, 3], BigInt),
        ),
      ],
      lower: (b, x) => lowerings.ScatterND(b, x, { indices: [2, 1, 0, 3], depth: 2 }),
    },
  ],
  [
    'GatherElements',
    {
      op: 'GatherElements',
      shapes: [[2, 4, 3]],
      attributes: { axis: 1 },
      constants: [
        tensor(
          'int64',
          [2, 2, 3],
          BigInt64Array.from([...chosen, ...chosen], (n) => BigInt(n)),
        ),
      ],
      lower: (b, x) => lowerings.GatherElements(b, x, { axis: 1, indices: chosen, shape: [2, 3] }),
    },
  ],
  ['DepthToSpace, DCR', blocks('DepthToSpace', 'DCR')],
  ['DepthToSpace, CRD', blocks('DepthToSpace', 'CRD')],
  [
    'SpaceToDepth',
    {
      op: 'SpaceToDepth',
      shapes: [[2, 2, 4, 6]],
      attributes: { blocksize: 2 },
      lower: (b, x) => lowerings.SpaceToDepth(b, x, { blockSize: 2 }),
    },
  ],

  [
    'GlobalAveragePool',
    {
      op: 'GlobalAveragePool',
      shapes: [[2, 3, 4, 5]],
      lower: (b, x) => lowerings.GlobalAveragePool(b, x, {}),
    },
  ],
  [
    'GlobalMaxPool',
    {
      op: 'GlobalMaxPool',
      shapes: [[2, 3, 4, 5]],
      lower: (b, x) => lowerings.GlobalMaxPool(b, x, {}),
    },
  ],
  ['ReduceMin', reduction('ReduceMin')],
  ['ReduceL1', reduction('ReduceL1')],
  ['ReduceL2', reduction('ReduceL2')],
  ['ReduceSumSquare', reduction('ReduceSumSquare')],
  ['ReduceLogSum', { ...reduction('ReduceLogSum'), range: [0, 1] }],
  ['ReduceLogSumExp', reduction('ReduceLogSumExp')],
  ['ReduceProd', reduction('ReduceProd')],
  ...[1, 2, 3].map((p) => [`LpPool, L${p}`, lpPool(p)] as [string, Original]),
  [
    'GlobalLpPool',
    {
      op: 'GlobalLpPool',
      shapes: [[2, 3, 4, 5]],
      attributes: { p: 3 },
      lower: (b, x) => lowerings.GlobalLpPool(b, x, { p: 3 }),
    },
  ],
  ...([1, 2] as const).map(
    (p) =>
      [
        `LpNormalization, L${p}`,
        {
          op: 'LpNormalization',
          shapes: [[3, 4]],
          attributes: { axis: 1, p },
          lower: (b, x) => lowerings.LpNormalization(b, x, { axis: 1, p }),
        },
      ] as [string, Original],
  ),
  ...(['Softmax', 'LogSoftmax'] as const).map(
    (op) =>
      [
        `${op}Flattened`,
        {
          op,
          opset: 11,
          shapes: [[2, 3, 4]],
          attributes: { axis: 1 },
          lower: (b, x) => lowerings[`${op}Flattened`](b, x, { axis: 1 }),
        },
      ] as [string, Original],
  ),
  ['Sum', elementwise('Sum')],
  ['Mean', elementwise('Mean')],
  ['Min', elementwise('Min')],
  ['Max', elementwise('Max')],
  ['MatMul of two vectors', matMul([3], [3])],
  ['MatMul from a vector', matMul([3], [2, 3, 4])],
  ['MatMul to a vector', matMul([2, 4, 3], [3])],

  ['MaxPool, rounding up', poolOriginal('MaxPool', 6, 3, 2, 0)],
  ['MaxPool, rounding up, padded', poolOriginal('MaxPool', 6, 3, 2, 1)],
  ['MaxPool, rounding up to a window behind the picture', poolOriginal('MaxPool', 6, 2, 3, 1)],
  ['AveragePool, rounding up', poolOriginal('AveragePool', 6, 3, 2, 0)],
  ['AveragePool, rounding up, padded', poolOriginal('AveragePool', 6, 3, 2, 1)],
  ['AveragePool, rounding up, padding counts', poolOriginal('AveragePool', 6, 3, 2, 1, true)],
  ['SAME_UPPER', same('upper', 6, 2)],
  ['SAME_LOWER', same('lower', 6, 2)],
  ['SAME_UPPER, stride 1', same('upper', 5, 1)],
  [
    'BatchNormalization',
    {
      op: 'BatchNormalization',
      shapes: [[2, 3, 4, 2], [3], [3], [3], [3]],
      range: [0, 1],
      lower: (b, x) => lowerings.BatchNormalization(b, x, { epsilon: 1e-5 }),
    },
  ],
  [
    'MeanVarianceNormalization',
    {
      op: 'MeanVarianceNormalization',
      shapes: [[2, 3, 4, 5]],
      attributes: { axes: [2, 3] },
      lower: (b, x) => lowerings.MeanVarianceNormalization(b, x, { axes: [2, 3] }),
    },
  ],
  [
    'RMSNormalization',
    {
      op: 'RMSNormalization',
      opset: 23,
      shapes: [
        [2, 3, 4],
        [3, 4],
      ],
      attributes: { axis: 1, epsilon: 0.25 },
      lower: (b, x) => lowerings.RMSNormalization(b, x, { axis: 1, epsilon: 0.25 }),
    },
  ],
  affineGrid(0),
  affineGrid(1),
  ['GroupNormalization, scales for each channel', group(21, 6)],
  ['GroupNormalization, scales for each group', group(18, 2)],

  ['Einsum, attention', einsum('bhid,bhjd->bhij', [2, 2, 3, 4], [2, 2, 5, 4])],
  ['Einsum, with spaces and another order', einsum('b i j, b j d -> d b i', [2, 3, 4], [2, 4, 5])],
  ['Einsum, summing what only one has', einsum('abc,cd->ad', [2, 3, 4], [4, 5])],
  ['Einsum, transposing', einsum('abc->cab', [2, 3, 4])],
];

describe('every lowering gives what the operator gives', () => {
  const random = createRandom(5);
  for (const [title, given] of originals)
    it(title, async () => {
      const [least, most] = given.range ?? [-1, 1];
      const draw = () => {
        const number = least + (most - least) * random.next();
        return given.whole ? Math.floor(number) : number;
      };
      const inputs = Object.fromEntries(
        given.shapes.map((shape, i) => [
          `input_${i}`,
          float32(shape, Float32Array.from({ length: sizeOf(shape) }, draw)),
        ]),
      );
      const expected = await run(original(given), inputs);
      const actual = await run(lowered(given), inputs);
      expect(Object.keys(actual)).toEqual(Object.keys(expected));
      for (const [name, { shape, data }] of Object.entries(expected)) {
        expect(actual[name]?.shape).toEqual(shape);
        actual[name]?.data.forEach((value, i) => {
          expect(Number(value), `${name}[${i}]`).toBeCloseTo(Number(data[i]), 5);
        });
      }
    });

  it('covers the whole table', () => {
    const tested = originals.map(([title]) => title.split(/,| (?=of|by|from)/)[0]);
    expect(Object.keys(lowerings).filter((name) => !tested.includes(name))).toEqual([]);
  });

  it('refuses an equation that it cannot write', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [3, 3]);
    expect(() => lowerings.Einsum(b, [x], { equation: 'ii->i' })).toThrow(
      'Einsum "ii->i" of [3,3] is not supported',
    );
  });
});
