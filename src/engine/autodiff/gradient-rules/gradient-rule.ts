/** The form of a gradient rule, and what the families of rules share. */
import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import type { OpAttributes, OpType } from '../../graph/ops.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { float32 } from '../../tensor/tensor.ts';

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

/** An answer for each operator of a family. */
export type GradientRules<Family> = {
  readonly [Op in keyof Family & OpType]: GradientRule<Op> | typeof notDifferentiable;
};

export const at = (values: readonly Value[], index: number): Value => values[index] as Value;

/** A rule for one input: from the gradient g, the input x and the output y. */
export const unary =
  (rule: (b: GraphBuilder, g: Value, x: Value, y: Value) => Value): GradientRule<OpType> =>
  ({ builder, gradient, inputs, outputs }) => [
    rule(builder, gradient, at(inputs, 0), at(outputs, 0)),
  ];

export const scaled = (b: GraphBuilder, value: Value, factor: number): Value =>
  factor === 1 ? value : b.apply('Mul', [value, b.scalar(factor)]);

/** A finite gradient where the condition holds, zero elsewhere; a third faster than Where. */
export const masked = (b: GraphBuilder, condition: Value, gradient: Value): Value =>
  b.apply('Mul', [gradient, b.apply('Cast', [condition], { to: 'float32' })]);

/**
 * Multiplies along one axis: an operator that mixes places along an axis by fixed weights, turned
 * round. Products are exact and fast where ONNX has no operator that adds up what meets.
 * @param value [outer, rows, inner]
 * @param matrix [rows, columns]
 * @returns [outer, columns, inner]
 */
export const multiplyAlong = (
  b: GraphBuilder,
  value: Value,
  axis: number,
  matrix: { readonly rows: number; readonly columns: number; readonly data: Float32Array },
): Value => {
  const { rows, columns, data } = matrix;
  const constant = b.constant(float32([rows, columns], data), 'matrix');
  const inner = sizeOf(value.shape.slice(axis + 1));
  const outer = sizeOf(value.shape.slice(0, axis));
  const product =
    inner === 1
      ? b.apply('MatMul', [b.apply('Reshape', [value], { shape: [outer, rows] }), constant])
      : b.apply(
          'FusedMatMul',
          [constant, b.apply('Reshape', [value], { shape: [outer, rows, inner] })],
          { transA: true, transB: false, alpha: 1 },
        );
  return b.apply('Reshape', [product], { shape: value.shape.with(axis, columns) });
};
