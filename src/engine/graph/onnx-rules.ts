/** How each operator is spelled in ONNX (opset 17, and com.microsoft where named). */

import type { OnnxAttribute } from '../../formats/onnx.ts';
import { onnxAttributeType, onnxDataType } from '../../formats/onnx.ts';
import type { Node } from './graph.ts';
import type { OpAttributes, OpType } from './ops.ts';

export interface OnnxSpelling {
  readonly domain?: 'com.microsoft';
  readonly attributes?: readonly OnnxAttribute[];
  /** Constant int64 vectors that ONNX takes as inputs, after the node's own. */
  readonly vectors?: readonly (readonly number[])[];
  /** Own inputs to keep, where not all; outputs to name, where not all. */
  readonly inputs?: number;
  readonly outputs?: number;
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
const flag = (name: string, value: boolean) => int(name, value ? 1 : 0);

type OnnxRule<Op extends OpType> = (attributes: OpAttributes[Op], node: Node) => OnnxSpelling;

const plain = (): OnnxSpelling => ({});
const axis = (attributes: { readonly axis: number }): OnnxSpelling => ({
  attributes: [int('axis', attributes.axis)],
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
const window = ({ kernel, strides, pads }: OpAttributes['AveragePool']) => [
  ints('kernel_shape', kernel),
  ints('strides', strides),
  ints('pads', pads),
];

export const onnxRules: { readonly [Op in OpType]: OnnxRule<Op> } = {
  Add: plain,
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
  Cast: ({ to }) => ({ attributes: [int('to', onnxDataType[to])] }),
  Reshape: ({ shape }) => ({ vectors: [shape] }),
  Expand: ({ shape }) => ({ vectors: [shape] }),
  Transpose: ({ permutation }) => ({ attributes: [ints('perm', permutation)] }),
  Slice: ({ starts, ends, axes, steps }) => ({ vectors: [starts, ends, axes, steps] }),
  Pad: ({ pads }) => ({ vectors: [pads] }),
  ReduceSum: ({ axes, keepDimensions }) => ({
    vectors: [axes],
    attributes: [flag('keepdims', keepDimensions)],
  }),
  ReduceMean: reduction,
  ReduceMax: reduction,
  ArgMax: ({ axis: along }) => ({ attributes: [int('axis', along), int('keepdims', 0)] }),
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
  MaxPool: (attributes) => ({ attributes: window(attributes) }),
  MaxUnpool: (attributes) => ({ attributes: window(attributes), vectors: [attributes.shape] }),
  AveragePool: (attributes) => ({
    attributes: [...window(attributes), int('count_include_pad', 1)],
  }),
  // With momentum 0 the "running" outputs of the training form are the batch's own statistics.
  BatchNormalization: ({ epsilon, training }) => ({
    attributes: [
      float('epsilon', epsilon),
      ...(training ? [float('momentum', 0), int('training_mode', 1)] : []),
    ],
  }),
};
