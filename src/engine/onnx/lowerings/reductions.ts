/** Reductions and operators of many or few operands, written with the core ones. */

import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import type { OpAttributes } from '../../graph/ops.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { type Lowering, type None, unary } from './lowering.ts';

type Reduction = OpAttributes['ReduceSum'];

const square = (b: GraphBuilder, x: Value): Value => b.apply('Mul', [x, x]);
const ofPicture = { axes: [2, 3], keepDimensions: true };

/** One operator of two operands over many, from the left. */
const chain =
  (op: 'Add' | 'Min' | 'Max'): Lowering<None> =>
  (b, [first, ...rest]) => [
    rest.reduce((left, right) => b.apply(op, [left, right]), first as Value),
  ];

/** Softmax before opset 13: over `axis` and all axes after it together. */
const flattened = (op: 'Softmax' | 'LogSoftmax') =>
  unary<{ readonly axis: number }>((b, x, { axis }) => {
    const shape = [...x.shape.slice(0, axis), x.shape.slice(axis).reduce((a, e) => a * e, 1)];
    const rows = b.apply('Reshape', [x], { shape });
    return b.apply('Reshape', [b.apply(op, [rows], { axis })], { shape: x.shape });
  });

export const reductionLowerings = {
  GlobalAveragePool: unary((b, x) => b.apply('ReduceMean', [x], ofPicture)),
  GlobalMaxPool: unary((b, x) => b.apply('ReduceMax', [x], ofPicture)),
  ReduceMin: unary<Reduction>((b, x, over) =>
    b.apply('Neg', [b.apply('ReduceMax', [b.apply('Neg', [x])], over)]),
  ),
  ReduceL1: unary<Reduction>((b, x, over) => b.apply('ReduceSum', [b.apply('Abs', [x])], over)),
  ReduceL2: unary<Reduction>((b, x, over) =>
    b.apply('Sqrt', [b.apply('ReduceSum', [square(b, x)], over)]),
  ),
  ReduceLogSum: unary<Reduction>((b, x, over) => b.apply('Log', [b.apply('ReduceSum', [x], over)])),
  /** The largest is taken out first, so that no exponential overflows. */
  ReduceLogSumExp: unary<Reduction>((b, x, over) => {
    const largest = b.apply('ReduceMax', [x], { ...over, keepDimensions: true });
    const powers = b.apply('Exp', [b.apply('Sub', [x, largest])]);
    const sum = b.apply('Log', [b.apply('ReduceSum', [powers], over)]);
    return b.apply('Add', [sum, b.apply('Reshape', [largest], { shape: sum.shape })]);
  }),
  ReduceSumSquare: unary<Reduction>((b, x, over) => b.apply('ReduceSum', [square(b, x)], over)),
  /** Halves of what is left are multiplied until one number is: its gradient bears zeros. */
  ReduceProd: unary<Reduction>((b, x, { axes, keepDimensions }) => {
    const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
    const turned = b.apply('Transpose', [x], { permutation: [...kept, ...axes] });
    const outer = kept.map((axis) => x.shape[axis] as number);
    let count = sizeOf(axes.map((axis) => x.shape[axis] as number));
    let factors = b.apply('Reshape', [turned], { shape: [...outer, count] });
    const axis = outer.length;
    const part = (start: number, end: number) =>
      b.apply('Slice', [factors], { starts: [start], ends: [end], axes: [axis], steps: [1] });
    while (count > 1) {
      const half = Math.floor(count / 2);
      const product = b.apply('Mul', [part(0, half), part(half, 2 * half)]);
      const odd = count % 2 === 1 ? [part(2 * half, count)] : [];
      factors = odd.length > 0 ? b.apply('Concat', [product, ...odd], { axis }) : product;
      count = half + odd.length;
    }
    const shape = keepDimensions
      ? x.shape.map((extent, index) => (axes.includes(index) ? 1 : extent))
      : outer;
    return b.apply('Reshape', [factors], { shape });
  }),
  /** Division by the norm along an axis. */
  LpNormalization: unary<{ readonly axis: number; readonly p: 1 | 2 }>((b, x, { axis, p }) => {
    const over = { axes: [axis], keepDimensions: true };
    const sum = b.apply('ReduceSum', [p === 1 ? b.apply('Abs', [x]) : square(b, x)], over);
    return b.apply('Div', [x, p === 1 ? sum : b.apply('Sqrt', [sum])]);
  }),
  SoftmaxFlattened: flattened('Softmax'),
  LogSoftmaxFlattened: flattened('LogSoftmax'),
  Sum: chain('Add'),
  Min: chain('Min'),
  Max: chain('Max'),
  Mean: ((b, inputs) => {
    const [sum] = chain('Add')(b, inputs, {}) as [Value];
    return [b.apply('Mul', [sum, b.scalar(1 / inputs.length)])];
  }) as Lowering<None>,
  /** A vector on the left is a row, on the right a column, and the axis that this adds goes again. */
  MatMul: ((b, [left, right]) => {
    const [x, y] = [left as Value, right as Value];
    const [isRow, isColumn] = [x.shape.length === 1, y.shape.length === 1];
    const matrix = (value: Value, shape: readonly number[]) =>
      b.apply('Reshape', [value], { shape });
    const product = b.apply('MatMul', [
      isRow ? matrix(x, [1, ...x.shape]) : x,
      isColumn ? matrix(y, [...y.shape, 1]) : y,
    ]);
    if (!isRow && !isColumn) return [product];
    const { shape } = product;
    const last = isColumn ? [] : shape.slice(-1);
    return [
      matrix(product, [...shape.slice(0, -2), ...(isRow ? [] : shape.slice(-2, -1)), ...last]),
    ];
  }) as Lowering<None>,
};
