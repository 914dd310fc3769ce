/** Gradients of matrix products: products again, with the other operand transposed. */
import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import type { ProductOps } from '../../graph/ops.ts';
import { at, type GradientRules, scaled } from './gradient-rule.ts';

const product = (transA: boolean, transB: boolean, alpha = 1) => ({ transA, transB, alpha });

export const productGradients: GradientRules<ProductOps> = {
  MatMul: ({ builder: b, gradient, inputs, wanted }) => [
    wanted(0) ? b.apply('FusedMatMul', [gradient, at(inputs, 1)], product(false, true)) : undefined,
    wanted(1) ? b.apply('FusedMatMul', [at(inputs, 0), gradient], product(true, false)) : undefined,
  ],
  FusedMatMul: ({ builder: b, gradient, inputs, attributes, wanted }) =>
    operandGradients(b, 'FusedMatMul', gradient, inputs, attributes, wanted),
  Gemm: ({ builder: b, gradient, inputs, attributes, wanted }) => [
    ...operandGradients(b, 'Gemm', gradient, inputs, attributes, wanted),
    inputs.length > 2 && wanted(2) ? scaled(b, gradient, attributes.beta) : undefined,
  ],
};

/** Gradients of alpha · op(A) · op(B), where op transposes or not. */
const operandGradients = (
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
