/**
 * The one list of operators and their attributes. Every table that must answer for each operator
 * (shape rules, gradient rules, ONNX rules) is typed by this list, so that adding an operator here
 * is a type error until each of them answers. Names and meanings are ONNX's (opset 17); what ONNX
 * passes as constant inputs (a shape, axes, slice bounds) is an attribute here.
 */
import type { Dtype } from '../tensor/tensor.ts';

type None = Record<string, never>;

interface Window {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  /** top, left, bottom, right */
  readonly pads: readonly [number, number, number, number];
}

interface Reduction {
  readonly axes: readonly number[];
  readonly keepDimensions: boolean;
}

export interface ConvAttributes {
  readonly strides: readonly [number, number];
  /** top, left, bottom, right */
  readonly pads: readonly [number, number, number, number];
  readonly dilations: readonly [number, number];
  readonly group: number;
}

export interface OpAttributes {
  Add: None;
  Sub: None;
  Mul: None;
  Div: None;
  Neg: None;
  Exp: None;
  Log: None;
  Sqrt: None;
  Reciprocal: None;
  Relu: None;
  Sigmoid: None;
  Greater: None;
  Equal: None;
  Where: None;
  Cast: { readonly to: Dtype };
  Reshape: { readonly shape: readonly number[] };
  Expand: { readonly shape: readonly number[] };
  Transpose: { readonly permutation: readonly number[] };
  Slice: {
    readonly starts: readonly number[];
    readonly ends: readonly number[];
    readonly axes: readonly number[];
    readonly steps: readonly number[];
  };
  Concat: { readonly axis: number };
  /** Zero padding: the amounts before each axis, then the amounts after each axis. */
  Pad: { readonly pads: readonly number[] };
  ReduceSum: Reduction;
  ReduceMean: Reduction;
  ReduceMax: Reduction;
  ArgMax: { readonly axis: number };
  Softmax: { readonly axis: number };
  LogSoftmax: { readonly axis: number };
  MatMul: None;
  /** com.microsoft: batched product with transposition of the last two axes for free. */
  FusedMatMul: { readonly transA: boolean; readonly transB: boolean; readonly alpha: number };
  Gemm: {
    readonly transA: boolean;
    readonly transB: boolean;
    readonly alpha: number;
    readonly beta: number;
  };
  Conv: ConvAttributes;
  ConvTranspose: ConvAttributes & { readonly outputPadding: readonly [number, number] };
  /** Outputs: the pooled values and the flat indices of the winners (int64). */
  MaxPool: Window;
  /** Places values at the flat indices that MaxPool returned; zero elsewhere. */
  MaxUnpool: Window & { readonly shape: readonly number[] };
  AveragePool: Window;
  /** Outputs: Y; in training also the batch's mean and (biased) variance. */
  BatchNormalization: { readonly epsilon: number; readonly training: boolean };
}

export type OpType = keyof OpAttributes;
