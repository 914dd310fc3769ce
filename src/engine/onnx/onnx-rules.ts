/** How each operator is spelled in ONNX (opset 17, and com.microsoft where named). */

import { RelearnError } from '../../base/errors.ts';
import type { OnnxAttribute } from '../../formats/onnx.ts';
import { onnxAttributeType, onnxDataType } from '../../formats/onnx.ts';
import type { Graph, Node } from '../graph/graph.ts';
import type { OpAttributes, OpType, ResizeAttributes } from '../graph/ops.ts';
import { steepest } from '../graph/steps.ts';
import { float32, scalar, type Tensor, tensor } from '../tensor/tensor.ts';

export interface OnnxSpelling {
  readonly domain?: 'com.microsoft' | 'com.microsoft.nchwc';
  /** Where ONNX calls it otherwise. */
  readonly opType?: string;
  readonly attributes?: readonly OnnxAttribute[];
  /** What ONNX takes as inputs after the node's own; undefined leaves one out. */
  readonly constants?: readonly (Tensor | undefined)[];
  /** How many outputs must be written though nobody reads them; 1 unless given. */
  readonly outputs?: number;
  /** A graph as attribute `body`, which takes only the first inputs; it sees the others by name. */
  readonly body?: { readonly graph: Graph; readonly inputs: number };
}

const int = (name: string, i: number): OnnxAttribute => ({ name, type: onnxAttributeType.int, i });
const float = (name: string, f: number): OnnxAttribute => ({
  name,
  type: onnxAttributeType.float,
  f,
});
const ints = (name: string, values: readonly number[]): OnnxAttribute => ({
  name,
  type: onnxAttributeType.ints,
  ints: values,
});
const floats = (name: string, values: readonly number[]): OnnxAttribute => ({
  name,
  type: onnxAttributeType.floats,
  floats: values,
});
const string = (name: string, text: string): OnnxAttribute => ({
  name,
  type: onnxAttributeType.string,
  s: new TextEncoder().encode(text),
});
const flag = (name: string, value: boolean) => int(name, value ? 1 : 0);

/** A constant int64 vector. */
export const vector = (numbers: readonly number[]): Tensor =>
  tensor('int64', [numbers.length], BigInt64Array.from(numbers, BigInt));
const optional = (number: number | undefined): Tensor | undefined =>
  number === undefined ? undefined : scalar(number);

type OnnxRule<Op extends OpType> = (attributes: OpAttributes[Op], node: Node) => OnnxSpelling;

const plain = (): OnnxSpelling => ({});
const axis = (attributes: { readonly axis: number }): OnnxSpelling => ({
  attributes: [int('axis', attributes.axis)],
});
const alpha = (attributes: { readonly alpha: number }): OnnxSpelling => ({
  attributes: [float('alpha', attributes.alpha)],
});
const reduction = ({ axes, keepDimensions }: OpAttributes['ReduceMean']): OnnxSpelling => ({
  attributes: [ints('axes', axes), flag('keepdims', keepDimensions)],
});
const convolution = ({ strides, pads, dilations, group }: OpAttributes['Conv']) => [
  ints('strides', strides),
  ints('pads', pads),
  ints('dilations', dilations),
  int('group', group),
];
const window = ({ kernel, strides, pads }: Omit<OpAttributes['MaxUnpool'], 'shape'>) => [
  ints('kernel_shape', kernel),
  ints('strides', strides),
  ints('pads', pads),
];

/** An operator of the blocked layout's domain. */
const blocked = (opType: string, attributes: readonly OnnxAttribute[] = []): OnnxSpelling => ({
  domain: 'com.microsoft.nchwc',
  opType,
  attributes,
});
const unspelled = (_: unknown, { op, outputs }: Node): never => {
  throw new RelearnError(
    'internal',
    'graph_not_lowered',
    `${op} (${outputs[0]?.name}) has no ONNX spelling: the graph was not lowered`,
  );
};

export const onnxRules: { readonly [Op in OpType]: OnnxRule<Op> } = {
  Add: plain,
  Pow: plain,
  Min: plain,
  Max: plain,
  Abs: plain,
  Sign: plain,
  Floor: plain,
  Ceil: plain,
  Round: plain,
  Sin: plain,
  Cos: plain,
  Atan: plain,
  Asinh: plain,
  Erf: plain,
  Tanh: plain,
  Softplus: plain,
  PRelu: plain,
  Sub: plain,
  Mul: plain,
  Div: plain,
  Neg: plain,
  Exp: plain,
  Log: plain,
  Sqrt: plain,
  Reciprocal: plain,
  Relu: plain,
  Sigmoid: plain,
  Greater: plain,
  Equal: plain,
  Where: plain,
  MatMul: plain,
  Softmax: axis,
  LogSoftmax: axis,
  Concat: axis,
  GatherElements: axis,
  Mod: ({ sign }) => ({ attributes: [flag('fmod', sign === 'dividend')] }),
  Cast: ({ to }) => ({ attributes: [int('to', onnxDataType[to])] }),
  Reshape: ({ shape }) => ({ constants: [vector(shape)] }),
  Expand: ({ shape }) => ({ constants: [vector(shape)] }),
  Transpose: ({ permutation }) => ({ attributes: [ints('perm', permutation)] }),
  Slice: ({ starts, ends, axes, steps }) => ({
    constants: [vector(starts), vector(ends), vector(axes), vector(steps)],
  }),
  Gather: (attributes) => ({ ...axis(attributes), constants: [vector(attributes.indices)] }),
  Pad: ({ pads, value }) => ({ constants: [vector(pads), optional(value)] }),
  // Scales rather than sizes, so that the file does not hold the batch.
  Resize: (attributes, node) => ({
    attributes: [
      string('mode', attributes.mode),
      string('coordinate_transformation_mode', attributes.coordinates),
      string('nearest_mode', attributes.rounding),
      ...(attributes.cubicCoefficient === undefined
        ? []
        : [float('cubic_coeff_a', attributes.cubicCoefficient)]),
    ],
    constants: [undefined, resizeScales(attributes, node)],
  }),
  LeakyRelu: alpha,
  Elu: alpha,
  Clip: ({ min, max }) => ({ constants: [optional(min), optional(max)] }),
  HardSigmoid: (attributes) => ({
    attributes: [float('alpha', attributes.alpha), float('beta', attributes.beta)],
  }),
  ReduceSum: ({ axes, keepDimensions }) => ({
    constants: [vector(axes)],
    attributes: [flag('keepdims', keepDimensions)],
  }),
  ReduceMean: reduction,
  ReduceMax: reduction,
  ArgMax: ({ axis: along }) => ({ attributes: [int('axis', along), int('keepdims', 0)] }),
  TopK: ({ axis: along, k, largest }) => ({
    attributes: [int('axis', along), flag('largest', largest)],
    constants: [vector([k])],
    outputs: 2,
  }),
  GridSample: ({ mode, padding, alignCorners }) => ({
    attributes: [
      string('mode', mode),
      string('padding_mode', padding),
      flag('align_corners', alignCorners),
    ],
  }),
  FusedMatMul: ({ transA, transB, alpha }) => ({
    domain: 'com.microsoft',
    attributes: [flag('transA', transA), flag('transB', transB), float('alpha', alpha)],
  }),
  Gemm: ({ transA, transB, alpha, beta }) => ({
    attributes: [
      flag('transA', transA),
      flag('transB', transB),
      float('alpha', alpha),
      float('beta', beta),
    ],
  }),
  Conv: (attributes) => ({ attributes: convolution(attributes) }),
  ConvTranspose: (attributes) => ({
    attributes: [...convolution(attributes), ints('output_padding', attributes.outputPadding)],
  }),
  // Indices cost time, so they are asked for only where something reads them.
  MaxPool: (attributes) => ({
    attributes: [...window(attributes), ints('dilations', attributes.dilations)],
  }),
  MaxUnpool: (attributes) => ({
    attributes: window(attributes),
    constants: [vector(attributes.shape)],
  }),
  ScatterElements: () => ({ attributes: [int('axis', 0), string('reduction', 'add')] }),
  AveragePool: (attributes) => ({
    attributes: [...window(attributes), flag('count_include_pad', attributes.countIncludePad)],
  }),
  // With momentum 0 the "running" outputs of the training form are the batch's own statistics.
  BatchNormalization: ({ epsilon, training }) => ({
    attributes: [
      float('epsilon', epsilon),
      ...(training ? [float('momentum', 0), int('training_mode', 1)] : []),
    ],
  }),
  LayerNormalization: (attributes) => ({
    attributes: [int('axis', attributes.axis), float('epsilon', attributes.epsilon)],
  }),
  InstanceNormalization: ({ epsilon }) => ({ attributes: [float('epsilon', epsilon)] }),
  LRN: (attributes) => ({
    attributes: [
      int('size', attributes.size),
      float('alpha', attributes.alpha),
      float('beta', attributes.beta),
      float('bias', attributes.bias),
    ],
  }),
  ScaleShift: unspelled,
  FlipKernel: unspelled,
  ConvWeightGradient: unspelled,
  MaxPoolGradient: unspelled,
  SideBySide: unspelled,
  Apart: unspelled,
  ToBlocked: () => blocked('ReorderInput'),
  FromBlocked: (_, { outputs }) =>
    blocked('ReorderOutput', [int('channels', outputs[0]?.shape[1] as number)]),
  BlockedConv: (attributes, { inputs }) =>
    blocked('Conv', [
      ...convolution(attributes),
      ints('kernel_shape', inputs[1]?.shape.slice(2) as number[]),
      ...(attributes.activation ? activations[attributes.activation] : []),
    ]),
  BlockedMaxPool: (attributes) => blocked('MaxPool', window(attributes)),
  BlockedGlobalAveragePool: () => blocked('GlobalAveragePool'),
  BlockedUpsample: ({ scales }) =>
    blocked('Upsample', [ints('scales', [1, 1, ...scales]), string('mode', 'nearest')]),
  Scan: ({ body, scanned }) => ({
    attributes: [int('num_scan_inputs', scanned)],
    body: { graph: body, inputs: scanned },
  }),
};

const activations = {
  Relu: [string('activation', 'Relu')],
  IsNotPositive: [string('activation', 'HardSigmoid'), floats('activation_params', [-steepest, 1])],
  AtLeastOne: [string('activation', 'Clip'), floats('activation_params', [1, steepest])],
};

/** Readers multiply an extent by its scale and round down: the product must reach the size. */
const resizeScales = ({ sizes, scales }: ResizeAttributes, { inputs }: Node): Tensor => {
  const extents = inputs[0]?.shape as readonly number[];
  const reaching = sizes.map((size, axis) => {
    const extent = extents[axis] as number;
    const nearest = Math.fround(size / extent);
    return nearest * extent < size ? Math.fround(nearest * (1 + 2 ** -23)) : nearest;
  });
  return float32([sizes.length], scales ?? reaching);
};
