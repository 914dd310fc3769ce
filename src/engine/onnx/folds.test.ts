/** Every fold gives what ONNX Runtime's own kernel gives on the same numbers. */
import { expect, it } from 'vitest';
import { described, floats, integers, node, onnxFile } from '../../../test/onnx-file.ts';
import type { OnnxTensor } from '../../formats/onnx.ts';
import { createSession } from '../runtime/session.ts';
import { folds } from './folds.ts';
import { type Literal, literalFromOnnx } from './literal.ts';
import { sourceNode } from './onnx-node.ts';

interface Case {
  readonly inputs?: readonly OnnxTensor[];
  readonly attributes?: Parameters<typeof node>[3];
  readonly opset?: number;
  readonly outputs?: number;
}

const truths = (name: string, values: readonly number[]): OnnxTensor => ({
  name,
  dims: [values.length],
  dataType: 9,
  int32Data: values,
});
const a = floats('a', [2, 3], [1.5, -2, 0.1, 4, -0.5, 7]);
const b = floats('b', [3], [2, -0.3, 0.7]);
const positive = floats('positive', [3], [2, 0.3, 0.7]);
const parts = floats('parts', [3], [-0.9, 0.1, 0.6]);
const i = integers('i', [7, -7, 6, -6]);
const j = integers('j', [2, 2, -4, -4]);
const yes = truths('yes', [1, 0, 1, 0]);
const no = truths('no', [1, 1, 0, 0]);
const of = (...inputs: OnnxTensor[]): readonly Case[] => [{ inputs }];
const onBoth: readonly Case[] = [{ inputs: [a, b] }, { inputs: [i, j] }];
const reductions: readonly Case[] = [
  { inputs: [a], attributes: { axes: [0], keepdims: 0 } },
  { inputs: [a], attributes: { axes: [-1] } },
  { inputs: [a] },
];

const cases: Readonly<Record<string, readonly Case[]>> = {
  Constant: [
    { attributes: { value: floats('', [2], [1, 2]) } },
    { attributes: { value_float: { float: 0.1 } } },
    { attributes: { value_int: -3 } },
    { attributes: { value_ints: [1, 2] } },
  ],
  ConstantOfShape: [
    { inputs: [integers('shape', [2, 3])] },
    { inputs: [integers('shape', [2])], attributes: { value: integers('', [5]) } },
  ],
  Range: [
    { inputs: [integers('x', [2], []), integers('y', [9], []), integers('z', [3], [])] },
    { inputs: [integers('x', [5], []), integers('y', [0], []), integers('z', [-2], [])] },
  ],
  EyeLike: [
    { inputs: [a] },
    { inputs: [floats('x', [4, 3])], attributes: { k: -1, dtype: 7 } },
    { inputs: [floats('x', [3, 4])], attributes: { k: 2 } },
  ],
  Identity: of(a),
  Dropout: of(a),
  Cast: [
    { inputs: [a], attributes: { to: 7 } },
    { inputs: [a], attributes: { to: 9 } },
    { inputs: [i], attributes: { to: 1 } },
  ],
  CastLike: of(a, i),
  Shape: [
    { inputs: [a] },
    { inputs: [a], attributes: { start: -1 } },
    { inputs: [a], attributes: { end: 1 } },
  ],
  Size: of(a),
  Reshape: of(a, integers('shape', [0, 1, -1])),
  Flatten: [
    { inputs: [a] },
    { inputs: [a], attributes: { axis: 0 } },
    { inputs: [a], attributes: { axis: 2 } },
  ],
  Squeeze: [
    { inputs: [floats('x', [1, 3, 1])] },
    { inputs: [floats('x', [1, 3, 1]), integers('axes', [-1])] },
  ],
  Unsqueeze: of(b, integers('axes', [0, -1])),
  Transpose: [
    { inputs: [a] },
    { inputs: [floats('x', [2, 3, 4])], attributes: { perm: [2, 0, 1] } },
  ],
  Expand: of(b, integers('shape', [2, 1])),
  Tile: of(a, integers('repeats', [2, 3])),
  Slice: [
    { inputs: [a, integers('s', [-2]), integers('e', [2 ** 40]), integers('x', [1])] },
    {
      inputs: [
        a,
        integers('s', [-1, 0]),
        integers('e', [-100, 3]),
        integers('x', [0, 1]),
        integers('t', [-1, 2]),
      ],
    },
    { inputs: [a], attributes: { starts: [1], ends: [3], axes: [1] }, opset: 9 },
  ],
  Concat: [
    { inputs: [a, floats('c', [2, 1])], attributes: { axis: -1 } },
    { inputs: [i, j], attributes: { axis: 0 } },
  ],
  Gather: [
    { inputs: [a, integers('at', [-1], [])], attributes: { axis: 1 } },
    { inputs: [a, integers('at', [1, 0, 1, 1], [2, 2])] },
  ],
  Split: [
    { inputs: [a, integers('sizes', [1, 2])], attributes: { axis: 1 }, outputs: 2 },
    { inputs: [b], attributes: { num_outputs: 2 }, outputs: 2, opset: 18 },
  ],
  Trilu: [
    { inputs: [floats('x', [2, 3, 4])] },
    { inputs: [floats('x', [2, 3, 4]), integers('k', [-1], [])], attributes: { upper: 0 } },
  ],
  CumSum: [
    { inputs: [floats('x', [2, 3, 4]), integers('axis', [1], [])] },
    {
      inputs: [floats('x', [2, 3, 4]), integers('axis', [-1], [])],
      attributes: { exclusive: 1, reverse: 1 },
    },
  ],
  ScatterND: [
    { inputs: [a, integers('at', [1, 0, 0, 2], [2, 2]), floats('updates', [2])] },
    { inputs: [a, integers('at', [1], [1, 1]), floats('updates', [1, 3])] },
  ],
  DequantizeLinear: [
    {
      inputs: [
        { name: 'q', dims: [2, 2], dataType: 3, int32Data: [1, -2, 3, -128] },
        floats('s', [2]),
        { name: 'z', dims: [2], dataType: 3, int32Data: [5, -1] },
      ],
      attributes: { axis: 1 },
    },
    { inputs: [{ name: 'q', dims: [3], dataType: 2, int32Data: [1, 2, 255] }, floats('s', [])] },
  ],
  Where: of(yes, i, j),
  Add: onBoth,
  Sub: onBoth,
  Mul: onBoth,
  Div: onBoth,
  Mod: [
    { inputs: [i, j] },
    { inputs: [i, j], attributes: { fmod: 1 } },
    { inputs: [a, b], attributes: { fmod: 1 } },
  ],
  Pow: of(positive, b),
  Min: onBoth,
  Max: onBoth,
  Equal: onBoth,
  Greater: onBoth,
  GreaterOrEqual: onBoth,
  Less: onBoth,
  LessOrEqual: onBoth,
  And: of(yes, no),
  Or: of(yes, no),
  Xor: of(yes, no),
  Not: of(yes),
  Neg: of(a),
  Abs: of(i),
  Floor: of(a),
  Ceil: of(a),
  Round: of(floats('halves', [6], [0.5, 1.5, 2.5, -0.5, -1.5, 0.7])),
  Sign: of(a),
  Sin: of(a),
  Cos: of(a),
  Tan: of(a),
  Asin: of(parts),
  Acos: of(parts),
  Atan: of(a),
  Sinh: of(parts),
  Cosh: of(parts),
  Asinh: of(a),
  Acosh: of(floats('large', [3], [1, 1.5, 7])),
  Atanh: of(parts),
  Tanh: of(a),
  Sigmoid: of(a),
  Sqrt: of(positive),
  Exp: of(a),
  Log: of(positive),
  Reciprocal: of(a),
  BatchNormalization: [
    {
      inputs: [floats('x', [2, 3, 4]), b, b, b, positive],
      attributes: { epsilon: { float: 0.01 } },
    },
    {
      inputs: [floats('x', [1, 3, 4]), b, b, b, positive],
      attributes: { training_mode: 1 },
      outputs: 3,
    },
  ],
  ReduceProd: reductions,
  ReduceSum: [
    { inputs: [a, integers('axes', [0])] },
    { inputs: [i], attributes: { keepdims: 0 } },
    { inputs: [a], attributes: { noop_with_empty_axes: 1 } },
  ],
  ReduceMean: reductions,
  ReduceMax: reductions,
  ReduceMin: reductions,
};

const elementType = { float: 1, integer: 7, boolean: 9 } as const;

it.each(Object.keys(folds))('%s', async (op) => {
  expect(cases[op], `no case for ${op}`).toBeDefined();
  for (const { inputs = [], attributes, opset, outputs = 1 } of cases[op] as readonly Case[]) {
    const names = Array.from({ length: outputs }, (_, index) => `y${index}`);
    const written = node(
      op,
      inputs.map(({ name }) => name ?? ''),
      names,
      attributes,
    );
    const literals = inputs.map((input) => literalFromOnnx(input, true));
    const folded = [folds[op]?.(literals, sourceNode(written, 0))].flat() as readonly Literal[];
    const file = onnxFile({
      nodes: [written],
      initializers: inputs,
      inputs: [],
      outputs: folded.map(({ kind, shape }, index) =>
        described(`y${index}`, shape, elementType[kind]),
      ),
      ...(opset ? { opset } : {}),
    });
    const session = await createSession(file);
    const results = await session.run({});
    await session.close();
    folded.forEach((literal, index) => {
      const { data, shape } = results[`y${index}`] as {
        data: ArrayLike<number | bigint>;
        shape: readonly number[];
      };
      expect({ shape: literal.shape, data: [...literal.data] }).toEqual({
        shape,
        data: Array.from(data, (number) => expect.closeTo(Number(number), 5)),
      });
    });
  }
});
