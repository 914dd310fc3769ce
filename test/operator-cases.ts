/**
 * One node in many forms: the cases on which every operator's shape rule is held against ONNX
 * Runtime and every gradient rule against finite differences.
 */
import type { OpAttributes, OpType } from '../src/engine/graph/ops.ts';

export interface OperatorCase<Op extends OpType = OpType> {
  readonly title?: string;
  /** Extents of each input: '2×3 3' are a matrix and a vector, '·' is a scalar. */
  readonly shapes: string;
  readonly attributes?: OpAttributes[Op];
  /**
   * Inputs are drawn from ±1 unless a case needs others: positive ones, or such that lie well apart
   * and away from zero, so that a small step crosses no kink and changes no winner.
   */
  readonly draw?: 'positive' | 'distinct';
  /** How many of the inputs are differentiated; the rest are constants. Default all. */
  readonly wrt?: number;
}

export const shapesOf = ({ shapes }: OperatorCase): readonly (readonly number[])[] =>
  shapes.split(' ').map((text) => (text === '·' ? [] : text.split('×').map(Number)));

type Conv = OpAttributes['Conv'];

const conv = (attributes: Partial<Conv> = {}): Conv => ({
  strides: [1, 1],
  pads: [1, 1, 1, 1],
  dilations: [1, 1],
  group: 1,
  ...attributes,
});
const strides = [2, 2] as const;
const none = [0, 0, 0, 0] as const;
const two = [2, 2, 2, 2] as const;

const convTranspose = (
  attributes: Partial<OpAttributes['ConvTranspose']> = {},
): OpAttributes['ConvTranspose'] => ({ ...conv(), outputPadding: [0, 0], ...attributes });

const maxPool = (
  kernel: number,
  stride: number,
  attributes: Partial<OpAttributes['MaxPool']> = {},
): OpAttributes['MaxPool'] => ({
  kernel: [kernel, kernel],
  strides: [stride, stride],
  pads: none,
  dilations: [1, 1],
  ...attributes,
});
const averagePool = (
  kernel: number,
  stride: number,
  attributes: Partial<OpAttributes['AveragePool']> = {},
): OpAttributes['AveragePool'] => ({
  kernel: [kernel, kernel],
  strides: [stride, stride],
  pads: none,
  countIncludePad: false,
  ...attributes,
});

const product = { transA: false, transB: false, alpha: 0.5 };
const over = (axes: number[], keepDimensions = false) => ({ axes, keepDimensions });
const slice = (starts: number[], ends: number[], axes: number[], steps: number[]) => ({
  starts,
  ends,
  axes,
  steps,
});
const resize = (
  sizes: number[],
  attributes: Partial<OpAttributes['Resize']> = {},
): OpAttributes['Resize'] => ({
  sizes,
  mode: 'linear',
  coordinates: 'half_pixel',
  rounding: 'round_prefer_floor',
  ...attributes,
});

export const operatorCases: {
  readonly [Op in OpType]: readonly OperatorCase<Op>[] | 'tested by name';
} = {
  Add: [
    { shapes: '2×3 2×3' },
    { title: 'broadcast', shapes: '2×1×3 4×1' },
    { title: 'a scalar', shapes: '2×3 ·' },
  ],
  Sub: [{ shapes: '2×3 3' }, { title: 'from a scalar', shapes: '· 2×3' }],
  Mul: [{ shapes: '2×3 2×1' }, { title: 'for each channel', shapes: '2×3×2×2 2×3×1×1' }],
  Div: [
    { shapes: '2×3 2×3', draw: 'positive' },
    { shapes: '2×3 1×3', draw: 'positive' },
  ],
  Pow: [
    { shapes: '2×3 3', draw: 'positive' },
    { title: 'one power', shapes: '2×3 ·', draw: 'positive' },
  ],
  Mod: 'tested by name',
  Min: [
    { shapes: '3×4 3×4', draw: 'distinct' },
    { title: 'broadcast', shapes: '3×4 4', draw: 'distinct' },
  ],
  Max: [
    { shapes: '3×4 3×4', draw: 'distinct' },
    { title: 'broadcast', shapes: '4 3×4', draw: 'distinct' },
  ],
  Neg: [{ shapes: '4' }],
  Abs: [{ shapes: '3×4', draw: 'distinct' }],
  Sign: [{ shapes: '3×4', draw: 'distinct' }],
  Floor: [{ shapes: '3×4' }],
  Ceil: [{ shapes: '3×4' }],
  Round: [{ shapes: '3×4' }],
  Sin: [{ shapes: '3×4' }],
  Cos: [{ shapes: '3×4' }],
  Atan: [{ shapes: '3×4' }],
  Asinh: [{ shapes: '3×4' }],
  Exp: [{ shapes: '4' }],
  Log: [{ shapes: '4', draw: 'positive' }],
  Sqrt: [{ shapes: '4', draw: 'positive' }],
  Reciprocal: [{ shapes: '4', draw: 'positive' }],
  Erf: [{ shapes: '3×4' }],
  Greater: [{ shapes: '3×4 4', draw: 'distinct' }],
  Equal: [{ shapes: '3×4 4', draw: 'distinct' }],
  Where: 'tested by name',
  GatherElements: 'tested by name',
  Cast: [{ shapes: '3', attributes: { to: 'float32' } }],

  Relu: [{ shapes: '3×4', draw: 'distinct' }],
  LeakyRelu: [{ shapes: '3×4', attributes: { alpha: 0.1 }, draw: 'distinct' }],
  PRelu: [
    { title: 'a slope for each channel', shapes: '2×3×2×2 3×1×1', draw: 'distinct' },
    { title: 'one slope', shapes: '2×3 1', draw: 'distinct' },
  ],
  Elu: [{ shapes: '3×4', attributes: { alpha: 0.7 }, draw: 'distinct' }],
  Clip: [
    { shapes: '3×4', attributes: { min: -0.3, max: 0.3 }, draw: 'distinct' },
    { title: 'open above', shapes: '3×4', attributes: { min: 0 }, draw: 'distinct' },
    { title: 'open below', shapes: '3×4', attributes: { max: 0 }, draw: 'distinct' },
    { title: 'open on both sides', shapes: '3×4', attributes: {} },
  ],
  Sigmoid: [{ shapes: '3×4' }],
  HardSigmoid: [{ shapes: '5×6', attributes: { alpha: 0.5, beta: 0.5 }, draw: 'distinct' }],
  Tanh: [{ shapes: '3×4' }],
  Softplus: [{ shapes: '3×4' }],
  Softmax: [
    { shapes: '3×4', attributes: { axis: 1 } },
    { title: 'over channels', shapes: '2×3×2', attributes: { axis: 1 } },
  ],
  LogSoftmax: [
    { shapes: '3×4', attributes: { axis: 1 } },
    { title: 'over channels', shapes: '2×3×2', attributes: { axis: 1 } },
  ],

  Reshape: [{ shapes: '2×6', attributes: { shape: [3, 4] } }],
  Expand: [
    { shapes: '2×1', attributes: { shape: [3, 2, 4] } },
    { title: 'a scalar', shapes: '·', attributes: { shape: [2, 3] } },
  ],
  Transpose: [{ shapes: '2×3×4', attributes: { permutation: [2, 0, 1] } }],
  Slice: [
    { shapes: '4×5', attributes: slice([1], [4], [1], [1]) },
    { title: 'counted from the end', shapes: '4×5', attributes: slice([-3], [-1], [1], [1]) },
    { title: 'past the end', shapes: '4×5', attributes: slice([2], [100], [0], [1]) },
    { title: 'backwards', shapes: '4×5', attributes: slice([-1], [-100], [0], [-1]) },
    { title: 'with gaps', shapes: '4×5', attributes: slice([0, 1], [4, 5], [0, 1], [2, 3]) },
    { title: 'backwards with gaps', shapes: '2×7', attributes: slice([-2], [-8], [1], [-2]) },
  ],
  Gather: [
    { shapes: '4×3', attributes: { axis: 0, indices: [2, 0, 2] } },
    { title: 'along the last axis', shapes: '2×4', attributes: { axis: 1, indices: [3, 1] } },
    { title: 'in the middle', shapes: '2×3×2', attributes: { axis: 1, indices: [1, 1, 0, 2] } },
  ],
  Concat: [
    { shapes: '2×1 2×3', attributes: { axis: 1 } },
    { title: 'of three', shapes: '1×2 3×2 2×2', attributes: { axis: 0 } },
  ],
  Pad: [
    { shapes: '2×3', attributes: { pads: [1, 0, 0, 2] } },
    { title: 'with a value', shapes: '2×3', attributes: { pads: [1, 0, 0, 2], value: -3 } },
    { title: 'cutting', shapes: '3×4', attributes: { pads: [-1, 1, 0, -2] } },
  ],
  Resize: [
    { title: 'linear', shapes: '1×2×3×4', attributes: resize([1, 2, 7, 8]) },
    { title: 'linear, smaller', shapes: '1×2×7×6', attributes: resize([1, 2, 4, 3]) },
    {
      title: 'linear, corners aligned',
      shapes: '1×2×3×4',
      attributes: resize([1, 2, 5, 9], { coordinates: 'align_corners' }),
    },
    {
      title: 'linear, asymmetric',
      shapes: '1×2×3×4',
      attributes: resize([1, 2, 6, 8], { coordinates: 'asymmetric' }),
    },
    {
      title: 'linear, as PyTorch, to one row',
      shapes: '1×2×3×4',
      attributes: resize([1, 2, 1, 8], { coordinates: 'pytorch_half_pixel' }),
    },
    {
      title: 'by scales',
      shapes: '1×2×3×4',
      attributes: resize([1, 2, 7, 10], { scales: [1, 1, 2.4, 2.6] }),
    },
    {
      title: 'nearest',
      shapes: '1×2×3×4',
      attributes: resize([1, 2, 6, 8], {
        mode: 'nearest',
        coordinates: 'asymmetric',
        rounding: 'floor',
      }),
    },
    {
      title: 'nearest, odd sizes',
      shapes: '1×2×4×5',
      attributes: resize([1, 2, 7, 3], { mode: 'nearest' }),
    },
    {
      title: 'nearest, rounded up',
      shapes: '1×2×4×5',
      attributes: resize([1, 2, 7, 3], { mode: 'nearest', rounding: 'ceil' }),
    },
    {
      title: 'cubic',
      shapes: '1×2×4×5',
      attributes: resize([1, 2, 7, 9], { mode: 'cubic', cubicCoefficient: -0.75 }),
    },
  ],

  ReduceSum: [
    { shapes: '2×3×4', attributes: over([0, 2]) },
    { title: 'keeping axes', shapes: '2×3', attributes: over([1], true) },
    { title: 'counted from the end', shapes: '2×3×4', attributes: over([-1]) },
  ],
  ReduceMean: [
    { shapes: '2×3×4', attributes: over([1, 2]) },
    { title: 'of a picture', shapes: '2×3×2×4', attributes: over([2, 3], true) },
    { title: 'counted from the end', shapes: '2×3×4', attributes: over([-2, -1]) },
  ],
  ReduceMax: [
    { shapes: '3×4', attributes: over([1]), draw: 'distinct' },
    {
      title: 'of a picture',
      shapes: '2×3×2×2',
      attributes: over([-2, -1], true),
      draw: 'distinct',
    },
  ],
  ArgMax: [{ shapes: '3×4', attributes: { axis: 1 }, draw: 'distinct' }],
  TopK: [
    { shapes: '3×4', attributes: { axis: 1, k: 2, largest: true }, draw: 'distinct' },
    {
      title: 'smallest, along an inner axis',
      shapes: '2×5×3',
      attributes: { axis: 1, k: 3, largest: false },
      draw: 'distinct',
    },
  ],

  MatMul: [
    { shapes: '2×3 3×4' },
    { title: 'in batches', shapes: '2×2×3 3×4' },
    { title: 'in batches of both', shapes: '2×2×2×3 2×2×3×4' },
    { title: 'batches broadcast', shapes: '2×1×2×3 3×3×4' },
  ],
  FusedMatMul: [
    { shapes: '2×3 3×4', attributes: product },
    { title: 'Aᵀ', shapes: '3×2 3×4', attributes: { ...product, transA: true } },
    { title: 'Bᵀ', shapes: '2×3 4×3', attributes: { ...product, transB: true } },
    { title: 'AᵀBᵀ', shapes: '3×2 4×3', attributes: { ...product, transA: true, transB: true } },
  ],
  Gemm: [
    { shapes: '2×3 3×4 4', attributes: { ...product, beta: 0.7 } },
    { title: 'Aᵀ', shapes: '3×2 3×4', attributes: { ...product, transA: true, beta: 1 } },
    { title: 'Bᵀ', shapes: '2×3 4×3 2×1', attributes: { ...product, transB: true, beta: 1 } },
    {
      title: 'AᵀBᵀ',
      shapes: '3×2 4×3 2×4',
      attributes: { ...product, transA: true, transB: true, beta: 1 },
    },
  ],

  Conv: [
    { shapes: '2×2×5×4 3×2×3×3 3', attributes: conv() },
    { title: '1×1', shapes: '2×3×2×3 2×3×1×1', attributes: conv({ pads: none }) },
    { title: 'stride 2', shapes: '2×2×6×5 3×2×3×3', attributes: conv({ strides }) },
    {
      title: '1×1, stride 2',
      shapes: '1×2×5×4 2×2×1×1',
      attributes: conv({ strides, pads: none }),
    },
    {
      title: 'dilated',
      shapes: '1×2×6×6 2×2×3×3',
      attributes: conv({ dilations: [2, 2], pads: two }),
    },
    { title: 'one large picture', shapes: '1×1×36×36 1×1×3×3', attributes: conv() },
    {
      title: 'more padding after',
      shapes: '1×2×6×6 2×2×3×3',
      attributes: conv({ strides, pads: [0, 0, 1, 1] }),
    },
    { title: 'groups', shapes: '2×4×5×4 6×2×3×3 6', attributes: conv({ group: 2 }) },
    { title: 'groups, 1×1', shapes: '2×4×3×3 6×2×1×1', attributes: conv({ group: 2, pads: none }) },
    {
      title: 'groups, stride 2',
      shapes: '2×4×6×5 6×2×3×3',
      attributes: conv({ group: 2, strides }),
    },
    {
      title: 'groups, dilated',
      shapes: '1×6×7×6 3×2×3×3',
      attributes: conv({ group: 3, dilations: [2, 1], pads: [2, 1, 2, 1] }),
    },
    { title: 'depthwise', shapes: '2×3×5×4 3×1×3×3 3', attributes: conv({ group: 3 }) },
    {
      title: 'depthwise, one large picture',
      shapes: '1×2×9×9 2×1×5×5',
      attributes: conv({ group: 2, pads: two }),
    },
    {
      title: 'depthwise, stride 2',
      shapes: '2×3×6×5 3×1×3×3',
      attributes: conv({ group: 3, strides }),
    },
    {
      title: 'depthwise, stride 2, more padding after',
      shapes: '2×3×6×6 3×1×3×3',
      attributes: conv({ group: 3, strides, pads: [0, 0, 1, 1] }),
    },
    {
      title: 'depthwise, dilated',
      shapes: '1×3×6×6 3×1×3×3',
      attributes: conv({ group: 3, dilations: [2, 2], pads: two }),
    },
    {
      title: 'depthwise, dilated, stride 2',
      shapes: '1×2×8×7 2×1×3×3',
      attributes: conv({ group: 2, strides, dilations: [2, 2], pads: two }),
    },
    {
      title: 'two filters for each channel',
      shapes: '2×2×4×4 4×1×3×3',
      attributes: conv({ group: 2 }),
    },
    {
      title: 'two filters for each channel, stride 2',
      shapes: '2×2×5×5 4×1×3×3',
      attributes: conv({ group: 2, strides }),
    },
  ],
  ConvTranspose: [
    {
      shapes: '1×3×3×3 3×2×3×3 2',
      attributes: convTranspose({ strides, outputPadding: [1, 1] }),
    },
    { title: 'stride 1', shapes: '2×2×4×4 2×3×3×3', attributes: convTranspose() },
    {
      title: 'kernel 2, stride 2',
      shapes: '1×2×3×2 2×3×2×2',
      attributes: convTranspose({ strides, pads: none }),
    },
    {
      title: 'groups',
      shapes: '1×4×3×3 4×2×3×3 4',
      attributes: convTranspose({ group: 2, strides }),
    },
    {
      title: 'dilated',
      shapes: '1×2×3×3 2×2×3×3',
      attributes: convTranspose({ dilations: [2, 2] }),
    },
    {
      title: 'depthwise',
      shapes: '1×3×3×3 3×1×4×4',
      attributes: convTranspose({ group: 3, strides }),
    },
  ],
  MaxPool: [
    { shapes: '2×2×4×6', attributes: maxPool(2, 2), draw: 'distinct' },
    {
      title: 'overlapping, padded',
      shapes: '2×2×7×7',
      attributes: maxPool(3, 2, { pads: [1, 1, 1, 1] }),
      draw: 'distinct',
    },
    { title: 'stride 1', shapes: '1×2×5×5', attributes: maxPool(3, 1), draw: 'distinct' },
    {
      title: 'more padding after',
      shapes: '1×2×6×6',
      attributes: maxPool(3, 2, { pads: [0, 0, 1, 1] }),
      draw: 'distinct',
    },
    {
      title: 'dilated',
      shapes: '1×2×6×7',
      attributes: maxPool(2, 2, { dilations: [2, 2] }),
      draw: 'distinct',
    },
    {
      title: 'kernel smaller than stride',
      shapes: '1×2×5×5',
      attributes: maxPool(1, 2),
      draw: 'distinct',
    },
    {
      title: 'padded, not overlapping',
      shapes: '2×2×5×5',
      attributes: maxPool(2, 2, { pads: [1, 1, 0, 0] }),
      draw: 'distinct',
    },
  ],
  MaxUnpool: 'tested by name',
  ScatterElements: 'tested by name',
  Scan: 'tested by name',
  GridSample: [
    {
      shapes: '2×3×4×5 2×3×2×2',
      attributes: { mode: 'bilinear', padding: 'zeros', alignCorners: false },
      draw: 'distinct',
    },
    {
      title: 'corners aligned, the border repeated',
      shapes: '1×2×4×5 1×3×4×2',
      attributes: { mode: 'bilinear', padding: 'border', alignCorners: true },
      draw: 'distinct',
    },
    {
      title: 'mirrored',
      shapes: '1×2×4×5 1×3×4×2',
      attributes: { mode: 'bilinear', padding: 'reflection', alignCorners: false },
      draw: 'distinct',
    },
    {
      title: 'corners aligned, mirrored',
      shapes: '1×2×3×2 1×9×4×2',
      attributes: { mode: 'bilinear', padding: 'reflection', alignCorners: true },
      draw: 'distinct',
    },
    ...(['zeros', 'border', 'reflection'] as const).map((padding) => ({
      title: `the nearest pixel, ${padding}`,
      shapes: '1×2×4×5 1×7×5×2',
      attributes: { mode: 'nearest', padding, alignCorners: false } as const,
      draw: 'distinct' as const,
      // A grid's small steps change nothing, but for those that reach another pixel.
      wrt: 1,
    })),
    {
      title: 'cubic, mirrored',
      shapes: '1×2×5×5 1×4×4×2',
      attributes: { mode: 'bicubic', padding: 'reflection', alignCorners: true },
      // No gradient.
      wrt: 0,
    },
  ],
  AveragePool: [
    { shapes: '1×2×4×6', attributes: averagePool(2, 2) },
    { title: 'overlapping', shapes: '1×2×5×5', attributes: averagePool(3, 1) },
    {
      title: 'padding counts',
      shapes: '1×2×5×5',
      attributes: averagePool(3, 2, { pads: [1, 1, 1, 1], countIncludePad: true }),
    },
    {
      title: 'padding does not count',
      shapes: '1×2×5×6',
      attributes: averagePool(3, 2, { pads: [1, 1, 1, 1] }),
    },
    {
      title: 'more padding after',
      shapes: '1×2×6×6',
      attributes: averagePool(3, 2, { pads: [0, 0, 1, 1] }),
    },
  ],

  BatchNormalization: [
    {
      title: 'batch statistics',
      shapes: '3×2×2×3 2 2 2 2',
      attributes: { epsilon: 1e-3, training: true },
      draw: 'positive',
      wrt: 3,
    },
    {
      title: 'fixed statistics',
      shapes: '3×2×2×3 2 2 2 2',
      attributes: { epsilon: 1e-3, training: false },
      draw: 'positive',
      wrt: 3,
    },
  ],
  LayerNormalization: [
    { shapes: '2×3×5 5 5', attributes: { axis: 2, epsilon: 1e-3 } },
    { title: 'no bias', shapes: '3×5 5', attributes: { axis: 1, epsilon: 1e-3 } },
    { title: 'over two axes', shapes: '2×3×4 3×4 3×4', attributes: { axis: 1, epsilon: 1e-3 } },
  ],
  InstanceNormalization: [
    { shapes: '2×3×3×4 3 3', attributes: { epsilon: 1e-3 } },
    { title: 'of rows', shapes: '2×2×6 2 2', attributes: { epsilon: 1e-3 } },
  ],
  LRN: [
    { shapes: '2×6×2×2', attributes: { size: 3, alpha: 0.9, beta: 0.75, bias: 1 } },
    {
      title: 'wider than the channels',
      shapes: '1×3×2×2',
      attributes: { size: 9, alpha: 0.9, beta: 0.75, bias: 1 },
    },
  ],
  // Written after differentiation, tested with the gradients and with whole steps.
  ScaleShift: 'tested by name',
  FlipKernel: 'tested by name',
  ConvWeightGradient: 'tested by name',
  MaxPoolGradient: 'tested by name',
  SideBySide: 'tested by name',
  Apart: 'tested by name',
  ToBlocked: 'tested by name',
  FromBlocked: 'tested by name',
  BlockedConv: 'tested by name',
  BlockedMaxPool: 'tested by name',
  BlockedGlobalAveragePool: 'tested by name',
  BlockedUpsample: 'tested by name',
};
