/**
 * The one list of operators and their attributes. Every table that must answer for each operator
 * (shape rules, gradient rules, ONNX rules) is typed by this list, so that adding an operator here
 * is a type error until each of them answers. Names and meanings are ONNX's (opset 17); what ONNX
 * passes as constant inputs (a shape, axes, slice bounds) is an attribute here. Axes count from 0.
 * An operator that others can spell is not here but in lowerings.ts.
 */
import type { Dtype } from '../tensor/tensor.ts';
import type { Graph } from './graph.ts';

type None = Record<string, never>;

export interface Window {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  /** top, left, bottom, right */
  readonly pads: readonly [number, number, number, number];
}

export interface Reduction {
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

/** Element by element; operands broadcast. */
export interface ArithmeticOps {
  Add: None;
  Sub: None;
  Mul: None;
  Div: None;
  Pow: None;
  /** What division leaves: with the sign of the dividend, or of the divisor (integers only). */
  Mod: { readonly sign: 'dividend' | 'divisor' };
  /** Of two operands; equal ones count as the first. */
  Min: None;
  Max: None;
  Neg: None;
  Abs: None;
  Sign: None;
  Floor: None;
  Ceil: None;
  /** Halves to the even neighbour. */
  Round: None;
  Sin: None;
  Cos: None;
  Atan: None;
  Asinh: None;
  Exp: None;
  Log: None;
  Sqrt: None;
  Reciprocal: None;
  Erf: None;
  Greater: None;
  Equal: None;
  Where: None;
  Cast: { readonly to: Dtype };
}

export interface ActivationOps {
  Relu: None;
  LeakyRelu: { readonly alpha: number };
  /** x and its slope below zero, which broadcasts to x. */
  PRelu: None;
  Elu: { readonly alpha: number };
  /** An open side is left out. */
  Clip: { readonly min?: number; readonly max?: number };
  Sigmoid: None;
  /** max(0, min(1, alpha·x + beta)) */
  HardSigmoid: { readonly alpha: number; readonly beta: number };
  Tanh: None;
  Softplus: None;
  Softmax: { readonly axis: number };
  LogSoftmax: { readonly axis: number };
}

export interface MovementOps {
  Reshape: { readonly shape: readonly number[] };
  Expand: { readonly shape: readonly number[] };
  Transpose: { readonly permutation: readonly number[] };
  Slice: {
    readonly starts: readonly number[];
    readonly ends: readonly number[];
    readonly axes: readonly number[];
    readonly steps: readonly number[];
  };
  /** The named places along one axis, in this order, each from 0. */
  Gather: { readonly axis: number; readonly indices: readonly number[] };
  /** X and places along one axis (int64, from 0), of X's shape in all other axes. */
  GatherElements: { readonly axis: number };
  Concat: { readonly axis: number };
  /**
   * The amounts before each axis, then the amounts after each axis; negative amounts cut. What is
   * added holds `value`, zero unless given.
   */
  Pad: { readonly pads: readonly number[]; readonly value?: number };
  Resize: ResizeAttributes;
}

export interface ResizeAttributes {
  /** Every extent of the result. */
  readonly sizes: readonly number[];
  /** Where they are not sizes over extents: coordinates are mapped by these. */
  readonly scales?: readonly number[];
  readonly mode: 'nearest' | 'linear' | 'cubic';
  readonly coordinates: 'half_pixel' | 'pytorch_half_pixel' | 'align_corners' | 'asymmetric';
  /** How a coordinate between two places is rounded, in mode nearest. */
  readonly rounding: 'round_prefer_floor' | 'round_prefer_ceil' | 'floor' | 'ceil';
  /** The cubic's coefficient, in mode cubic. */
  readonly cubicCoefficient?: number;
}

/** X [N,C,H,W] at places [N,h,w,2] (x, y), from −1 at one border to 1 at the other. */
export interface GridSampleAttributes {
  readonly mode: 'bilinear' | 'nearest' | 'bicubic';
  readonly padding: 'zeros' | 'border' | 'reflection';
  /** Whether ±1 are the centres of the outer pixels, not their outer edges. */
  readonly alignCorners: boolean;
}

export interface ReductionOps {
  ReduceSum: Reduction;
  ReduceMean: Reduction;
  ReduceMax: Reduction;
  ArgMax: { readonly axis: number };
  /** Outputs: the k largest or smallest along an axis, the winner first, and their places (int64). */
  TopK: { readonly axis: number; readonly k: number; readonly largest: boolean };
}

export interface ProductOps {
  MatMul: None;
  /** com.microsoft: batched product with transposition of the last two axes for free. */
  FusedMatMul: { readonly transA: boolean; readonly transB: boolean; readonly alpha: number };
  Gemm: {
    readonly transA: boolean;
    readonly transB: boolean;
    readonly alpha: number;
    readonly beta: number;
  };
}

/** Operators that slide a window over pictures [N,C,H,W]. */
export interface WindowOps {
  Conv: ConvAttributes;
  ConvTranspose: ConvAttributes & { readonly outputPadding: readonly [number, number] };
  /** Outputs: the pooled values and the flat indices of the winners (int64). */
  MaxPool: Window & { readonly dilations: readonly [number, number] };
  /** Places values at the flat indices that MaxPool returned; zero elsewhere. */
  MaxUnpool: Window & { readonly shape: readonly number[] };
  /** Adds updates to data at flat indices (int64) along axis 0; equal indices add up. */
  ScatterElements: None;
  /** Padding counts as zeros that are averaged too, or not at all. */
  AveragePool: Window & { readonly countIncludePad: boolean };
  GridSample: GridSampleAttributes;
}

export interface NormalizationOps {
  /** Outputs: Y; in training also the batch's mean and (biased) variance. */
  BatchNormalization: { readonly epsilon: number; readonly training: boolean };
  /**
   * X, scale and perhaps bias, over `axis` and all axes after it. Outputs: Y, the mean and the
   * reciprocal of the standard deviation.
   */
  LayerNormalization: { readonly axis: number; readonly epsilon: number };
  /** X [N,C,…], scale [C], bias [C]; each channel of each picture by itself. */
  InstanceNormalization: { readonly epsilon: number };
  /** Local response normalization across `size` (odd) channels (Krizhevsky et al. 2012). */
  LRN: {
    readonly size: number;
    readonly alpha: number;
    readonly beta: number;
    readonly bias: number;
  };
}

/**
 * What a training graph needs and ONNX has no operator for. Each has several forms, of which the
 * passes of lower.ts choose one.
 */
export interface LoweredOps {
  /** scale·x + shift for each channel: x [N,C,H,W], scale [C] and perhaps shift [C]. */
  ScaleShift: None;
  /** A kernel turned round for the way back: [K,C,r,s] → [C,K,r,s], rows and columns reversed. */
  FlipKernel: None;
  /** dL/dY and X to dL/dW of a convolution. */
  ConvWeightGradient: ConvAttributes & { readonly kernel: readonly [number, number] };
  /** dL/dY, X and Y to dL/dX of a pool whose windows do not overlap. */
  MaxPoolGradient: WindowOps['MaxPool'];
  /** Pictures laid out as one wide one: [N,C,H,W] → [1,C,H,W·N], first columns of all first. */
  SideBySide: None;
  /** The same undone: [1,C,H,W·N] → [N,C,H,W]. */
  Apart: { readonly pictures: number };
}

/**
 * ONNX Runtime's blocked layout, domain com.microsoft.nchwc: the bytes of a value lie as
 * [N, C/b, H, W, b], its shape is written [N,C,H,W] all the same. A convolution's kernel [K,C,r,s]
 * lies as [K/b, C/b, r, s, b, b], that of fewer than b channels as [K/b, C, r, s, b].
 */
/** IsNotPositive is 0 or 1; AtLeastOne is max(1, x). */
export type BlockedActivation = 'Relu' | 'IsNotPositive' | 'AtLeastOne';

export interface BlockedOps {
  ToBlocked: None;
  FromBlocked: None;
  /** X, kernel, perhaps bias, perhaps a value of Y's shape to add before the activation. */
  BlockedConv: ConvAttributes & { readonly activation?: BlockedActivation };
  BlockedMaxPool: Window;
  BlockedGlobalAveragePool: None;
  /** Repeats every pixel. */
  BlockedUpsample: { readonly scales: readonly [number, number] };
}

export interface ControlOps {
  /**
   * Runs the body once for each element along axis 0 of the first `scanned` inputs and stacks its
   * outputs along a new axis 0. The body's inputs are one such element of each, then the other
   * inputs, whole.
   */
  Scan: { readonly body: Graph; readonly scanned: number };
}

export interface OpAttributes
  extends ArithmeticOps,
    ActivationOps,
    MovementOps,
    ReductionOps,
    ProductOps,
    WindowOps,
    NormalizationOps,
    ControlOps,
    LoweredOps,
    BlockedOps {}

export type OpType = keyof OpAttributes;
