/** Shapes of matrix products. */
import { broadcastShapes, type Shape, sameShape } from '../../tensor/shape.ts';
import type { Value } from '../graph.ts';
import type { ProductOps } from '../ops.ts';
import { input, mismatch, type ShapeRules, type Typed } from './shape-rule.ts';

const product = (a: Value, b: Value, transA: boolean, transB: boolean): Typed => {
  const last = (shape: Shape): readonly [number, number] => [
    shape.at(-2) as number,
    shape.at(-1) as number,
  ];
  if (a.shape.length < 2 || b.shape.length < 2) throw mismatch('a matrix product takes matrices');
  const [rowsA, columnsA] = last(a.shape);
  const [rowsB, columnsB] = last(b.shape);
  const [m, k] = transA ? [columnsA, rowsA] : [rowsA, columnsA];
  const [k2, n] = transB ? [columnsB, rowsB] : [rowsB, columnsB];
  if (k !== k2) throw mismatch(`product of [${a.shape}] and [${b.shape}]: ${k} against ${k2}`);
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  return { dtype: 'float32', shape: [...batch, m, n] };
};

export const productShapes: ShapeRules<ProductOps> = {
  MatMul: (inputs) => [product(input(inputs, 0), input(inputs, 1), false, false)],
  FusedMatMul: (inputs, { transA, transB }) => [
    product(input(inputs, 0), input(inputs, 1), transA, transB),
  ],
  Gemm: (inputs, { transA, transB }) => {
    const result = product(input(inputs, 0), input(inputs, 1), transA, transB);
    const [, , bias] = inputs;
    if (bias && !sameShape(broadcastShapes(bias.shape, result.shape), result.shape))
      throw mismatch(`a bias of [${bias.shape}] does not broadcast to [${result.shape}]`);
    return [result];
  },
};
