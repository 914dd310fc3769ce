/**
 * One rule for each operator: given the gradient of its output, the gradients of its inputs, as new
 * nodes of the same graph. Broadcasting is undone by the walk (differentiate.ts), so rules may
 * return gradients of the broadcast shape. `notDifferentiable` says so by name.
 */
import type { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';
import type { OpAttributes, OpType } from '../graph/ops.ts';
import { normalizeAxes, sizeOf } from '../tensor/shape.ts';
import { convolutionInputGradient, convolutionWeightGradient } from './convolution-gradients.ts';
import { batchNormalizationGradient } from './normalization-gradients.ts';

export interface GradientContext<Op extends OpType> {
  readonly builder: GraphBuilder;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: OpAttributes[Op];
  /** The gradient of the loss with respect to the first output, in its shape. */
  readonly gradient: Value;
  /** Whether the walk wants the gradient of input `index`; saves work that nobody reads. */
  wanted(index: number): boolean;
}

/** Gradients in input order; undefined where there is none or none is wanted. */
export type GradientRule<Op extends OpType> = (
  context: GradientContext<Op>,
) => readonly (Value | undefined)[];

export const notDifferentiable = 'not differentiable';

const at = (values: readonly Value[], index: number): Value => values[index] as Value;

const unary =
  (rule: (b: GraphBuilder, g: Value, x: Value, y: Value) => Value): GradientRule<OpType> =>
  ({ builder, gradient, inputs, outputs }) => [
    rule(builder, gradient, at(inputs, 0), at(outputs, 0)),
  ];

/** Puts the reduced axes back as extents of 1, so that the value broadcasts over the input. */
const keepReducedAxes = (
  b: GraphBuilder,
  value: Value,
  input: Value,
  axes: readonly number[],
): Value => {
  const reduced = normalizeAxes(axes, input.shape.length);
  const shape = input.shape.map((extent, axis) => (reduced.includes(axis) ? 1 : extent));
  return b.apply('Reshape', [value], { shape });
};

const reducedCount = (input: Value, axes: readonly number[]): number =>
  normalizeAxes(axes, input.shape.length).reduce(
    (count, axis) => count * (input.shape[axis] as number),
    1,
  );

export const gradientRules: {
  readonly [Op in OpType]: GradientRule<Op> | typeof notDifferentiable;
} = {
  Add: ({ gradient }) => [gradient, gradient],
  Sub: ({ builder: b, gradient, wanted }) => [
    gradient,
    wanted(1) ? b.apply('Neg', [gradient]) : undefined,
  ],
  Mul: ({ builder: b, gradient, inputs, wanted }) => [
    wanted(0) ? b.apply('Mul', [gradient, at(inputs, 1)]) : undefined,
    wanted(1) ? b.apply('Mul', [gradient, at(inputs, 0)]) : undefined,
  ],
  Div: ({ builder: b, gradient, inputs, outputs, wanted }) => {
    const overDivisor = b.apply('Div', [gradient, at(inputs, 1)]);
    return [
      overDivisor,
      wanted(1) ? b.apply('Neg', [b.apply('Mul', [overDivisor, at(outputs, 0)])]) : undefined,
    ];
  },
  Neg: unary((b, g) => b.apply('Neg', [g])),
  Exp: unary((b, g, _, y) => b.apply('Mul', [g, y])),
  Log: unary((b, g, x) => b.apply('Div', [g, x])),
  Sqrt: unary((b, g, _, y) => b.apply('Div', [b.apply('Mul', [g, b.scalar(0.5)]), y])),
  Reciprocal: unary((b, g, _, y) => b.apply('Neg', [b.apply('Mul', [g, b.apply('Mul', [y, y])])])),
  Relu: unary((b, g, _, y) =>
    b.apply('Where', [b.apply('Greater', [y, b.scalar(0)]), g, b.scalar(0)]),
  ),
  Sigmoid: unary((b, g, _, y) => b.apply('Mul', [g, b.apply('Sub', [y, b.apply('Mul', [y, y])])])),
  Greater: notDifferentiable,
  Equal: notDifferentiable,
  ArgMax: notDifferentiable,
  Where: ({ builder: b, gradient, inputs, wanted }) => [
    undefined,
    wanted(1) ? b.apply('Where', [at(inputs, 0), gradient, b.scalar(0)]) : undefined,
    wanted(2) ? b.apply('Where', [at(inputs, 0), b.scalar(0), gradient]) : undefined,
  ],
  Cast: ({ builder: b, gradient, inputs }) => {
    const { dtype } = at(inputs, 0);
    return [dtype === 'float32' ? b.apply('Cast', [gradient], { to: dtype }) : undefined];
  },
  Reshape: ({ builder: b, gradient, inputs }) => [
    b.apply('Reshape', [gradient], { shape: at(inputs, 0).shape }),
  ],
  // The walk sums what broadcasting repeated.
  Expand: ({ gradient }) => [gradient],
  Transpose: ({ builder: b, gradient, attributes: { permutation } }) => [
    b.apply('Transpose', [gradient], {
      permutation: permutation.map((_, axis) => permutation.indexOf(axis)),
    }),
  ],
  Slice: ({ builder: b, gradient, inputs, attributes: { starts, axes, steps } }) => {
    const { shape } = at(inputs, 0);
    if (steps.every((step) => step === -1) && gradient.shape.every((e, i) => e === shape[i])) {
      return [b.apply('Slice', [gradient], backwards(axes))];
    }
    if (steps.some((step) => step !== 1))
      return [scatterSlice(b, gradient, shape, starts, axes, steps)];
    const before = shape.map((extent, axis) => {
      const start = starts[axes.indexOf(axis)] ?? 0;
      return Math.min(start < 0 ? start + extent : start, extent);
    });
    const after = shape.map(
      (extent, axis) => extent - (before[axis] as number) - (gradient.shape[axis] as number),
    );
    return [b.apply('Pad', [gradient], { pads: [...before, ...after] })];
  },
  Concat: ({ builder: b, gradient, inputs, attributes: { axis }, wanted }) => {
    let start = 0;
    return inputs.map((input, index) => {
      const end = start + (input.shape[axis] as number);
      const slice = wanted(index)
        ? b.apply('Slice', [gradient], { starts: [start], ends: [end], axes: [axis], steps: [1] })
        : undefined;
      start = end;
      return slice;
    });
  },
  Pad: ({ builder: b, gradient, inputs, attributes: { pads } }) => {
    const { shape } = at(inputs, 0);
    return [
      b.apply('Slice', [gradient], {
        starts: shape.map((_, axis) => pads[axis] as number),
        ends: shape.map((extent, axis) => (pads[axis] as number) + extent),
        axes: shape.map((_, axis) => axis),
        steps: shape.map(() => 1),
      }),
    ];
  },
  ReduceSum: ({ builder: b, gradient, inputs, attributes: { axes } }) => {
    const x = at(inputs, 0);
    return [b.apply('Expand', [keepReducedAxes(b, gradient, x, axes)], { shape: x.shape })];
  },
  ReduceMean: ({ builder: b, gradient, inputs, attributes: { axes } }) => {
    const x = at(inputs, 0);
    const share = b.apply('Mul', [gradient, b.scalar(1 / reducedCount(x, axes))]);
    return [b.apply('Expand', [keepReducedAxes(b, share, x, axes)], { shape: x.shape })];
  },
  // Ties share the gradient equally.
  ReduceMax: ({ builder: b, gradient, inputs, outputs, attributes: { axes } }) => {
    const x = at(inputs, 0);
    const largest = keepReducedAxes(b, at(outputs, 0), x, axes);
    const winners = b.apply('Cast', [b.apply('Equal', [x, largest])], { to: 'float32' });
    const count = b.apply('ReduceSum', [winners], { axes, keepDimensions: true });
    const share = b.apply('Div', [keepReducedAxes(b, gradient, x, axes), count]);
    return [b.apply('Mul', [winners, share])];
  },
  Softmax: ({ builder: b, gradient, outputs, attributes: { axis } }) => {
    const y = at(outputs, 0);
    const weighted = b.apply('Mul', [gradient, y]);
    const sum = b.apply('ReduceSum', [weighted], { axes: [axis], keepDimensions: true });
    return [b.apply('Sub', [weighted, b.apply('Mul', [y, sum])])];
  },
  LogSoftmax: ({ builder: b, gradient, outputs, attributes: { axis } }) => {
    const sum = b.apply('ReduceSum', [gradient], { axes: [axis], keepDimensions: true });
    const share = b.apply('Mul', [b.apply('Exp', [at(outputs, 0)]), sum]);
    return [b.apply('Sub', [gradient, share])];
  },
  MatMul: ({ builder: b, gradient, inputs, wanted }) => [
    wanted(0) ? b.apply('FusedMatMul', [gradient, at(inputs, 1)], product(false, true)) : undefined,
    wanted(1) ? b.apply('FusedMatMul', [at(inputs, 0), gradient], product(true, false)) : undefined,
  ],
  FusedMatMul: ({ builder: b, gradient, inputs, attributes, wanted }) =>
    productGradients(b, 'FusedMatMul', gradient, inputs, attributes, wanted),
  Gemm: ({ builder: b, gradient, inputs, attributes, wanted }) => [
    ...productGradients(b, 'Gemm', gradient, inputs, attributes, wanted),
    inputs.length > 2 && wanted(2) ? scaled(b, gradient, attributes.beta) : undefined,
  ],
  Conv: ({ builder: b, gradient, inputs, attributes, wanted }) => [
    wanted(0)
      ? convolutionInputGradient(b, gradient, at(inputs, 1), at(inputs, 0).shape, attributes)
      : undefined,
    wanted(1)
      ? convolutionWeightGradient(b, gradient, at(inputs, 0), at(inputs, 1).shape, attributes)
      : undefined,
    inputs.length > 2 && wanted(2) ? sumOfChannel(b, gradient) : undefined,
  ],
  // ConvTranspose is the input gradient of a Conv, so its own gradients are that Conv's other parts.
  ConvTranspose: ({ builder: b, gradient, inputs, attributes, wanted }) => {
    const { strides, pads, dilations, group } = attributes;
    const convolution = { strides, pads, dilations, group };
    const [x, weight] = [at(inputs, 0), at(inputs, 1)];
    return [
      wanted(0) ? b.apply('Conv', [gradient, weight], convolution) : undefined,
      wanted(1) ? convolutionWeightGradient(b, x, gradient, weight.shape, convolution) : undefined,
      inputs.length > 2 && wanted(2) ? sumOfChannel(b, gradient) : undefined,
    ];
  },
  MaxPool: ({ builder: b, gradient, inputs, outputs, attributes }) => [
    b.apply('MaxUnpool', [gradient, at(outputs, 1)], { ...attributes, shape: at(inputs, 0).shape }),
  ],
  MaxUnpool: notDifferentiable,
  // Every input of a window gets an equal share: a depthwise transposed convolution with ones.
  AveragePool: ({ builder: b, gradient, inputs, attributes: { kernel, strides, pads } }) => {
    const [, channels, h, w] = at(inputs, 0).shape as [number, number, number, number];
    const share = 1 / (kernel[0] * kernel[1]);
    const ones = b.constant(
      {
        dtype: 'float32',
        shape: [channels, 1, ...kernel],
        data: new Float32Array(channels * kernel[0] * kernel[1]).fill(share),
      },
      'share',
    );
    const padding = (extent: number, output: number, axis: 0 | 1) =>
      extent -
      ((output - 1) * strides[axis] + kernel[axis] - pads[axis] - pads[(axis + 2) as 2 | 3]);
    return [
      b.apply('ConvTranspose', [gradient, ones], {
        strides,
        pads,
        dilations: [1, 1],
        group: channels,
        outputPadding: [
          padding(h, gradient.shape[2] as number, 0),
          padding(w, gradient.shape[3] as number, 1),
        ],
      }),
    ];
  },
  BatchNormalization: batchNormalizationGradient,
};

const product = (transA: boolean, transB: boolean, alpha = 1) => ({ transA, transB, alpha });

const scaled = (b: GraphBuilder, value: Value, factor: number): Value =>
  factor === 1 ? value : b.apply('Mul', [value, b.scalar(factor)]);

/** Gradients of alpha · op(A) · op(B), where op transposes or not. */
const productGradients = (
  b: GraphBuilder,
  op: 'FusedMatMul' | 'Gemm',
  gradient: Value,
  inputs: readonly Value[],
  { transA, transB, alpha }: { transA: boolean; transB: boolean; alpha: number },
  wanted: (index: number) => boolean,
): (Value | undefined)[] => {
  const [left, right] = [at(inputs, 0), at(inputs, 1)];
  const multiply = (x: Value, y: Value, tx: boolean, ty: boolean) =>
    op === 'Gemm'
      ? b.apply('Gemm', [x, y], { transA: tx, transB: ty, alpha, beta: 0 })
      : b.apply('FusedMatMul', [x, y], product(tx, ty, alpha));
  return [
    wanted(0)
      ? transA
        ? multiply(right, gradient, transB, true)
        : multiply(gradient, right, false, !transB)
      : undefined,
    wanted(1)
      ? transB
        ? multiply(gradient, left, true, transA)
        : multiply(left, gradient, !transA, false)
      : undefined,
  ];
};

/** The gradient of a bias: [N,K,H,W] → [K]. Summing rows first is several times faster. */
const sumOfChannel = (b: GraphBuilder, gradient: Value): Value => {
  const rows = b.apply('ReduceSum', [gradient], { axes: [2, 3], keepDimensions: false });
  return b.apply('ReduceSum', [rows], { axes: [0], keepDimensions: false });
};

const backwards = (axes: readonly number[]) => ({
  starts: axes.map(() => -1),
  ends: axes.map(() => Number.MIN_SAFE_INTEGER),
  axes,
  steps: axes.map(() => -1),
});

/** The gradient of a slice with gaps: a transposed convolution would do, but products are exact. */
const scatterSlice = (
  b: GraphBuilder,
  gradient: Value,
  shape: readonly number[],
  starts: readonly number[],
  axes: readonly number[],
  steps: readonly number[],
): Value =>
  axes.reduce((value, axis, i) => {
    // Multiply along the axis by the 0/1 matrix that picked the elements.
    const extent = shape[axis] as number;
    const taken = value.shape[axis] as number;
    const start = starts[i] as number;
    const first = Math.min(start < 0 ? start + extent : start, extent - 1);
    const picks = new Float32Array(taken * extent);
    for (let row = 0; row < taken; row++)
      picks[row * extent + first + row * (steps[i] as number)] = 1;
    const matrix = b.constant({ dtype: 'float32', shape: [taken, extent], data: picks }, 'picks');
    const inner = sizeOf(value.shape.slice(axis + 1));
    const outer = sizeOf(value.shape.slice(0, axis));
    const flat = b.apply('Reshape', [value], { shape: [outer, taken, inner] });
    const spread = b.apply('FusedMatMul', [matrix, flat], product(true, false));
    const result = value.shape.map((e, index) => (index === axis ? extent : e));
    return b.apply('Reshape', [spread], { shape: result });
  }, gradient);
