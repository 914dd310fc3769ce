/**
 * Finds what several last layers read, where an answer is made of more than one product: the mean of
 * two heads (DeiT; Touvron et al. 2021), heads side by side, a limited or reordered answer. From the
 * answer back over whatever works number by number or moves numbers, each way to its first product
 * with a weight.
 */
import type { Node, Value } from '../graph/graph.ts';

/** What may lie between the last products and the answer. */
const passed: ReadonlySet<Node['op']> = new Set<Node['op']>([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Pow',
  'Neg',
  'Abs',
  'Exp',
  'Sqrt',
  'Reciprocal',
  'Min',
  'Max',
  'Clip',
  'Relu',
  'Tanh',
  'BatchNormalization',
  'LayerNormalization',
  'ReduceMean',
  'ReduceSum',
  'ReduceMax',
  'Reshape',
  'Transpose',
  'Expand',
  'Slice',
  'Gather',
  'Concat',
]);

/** An answer of more parts is no classifier's. */
const mostHeads = 8;

/** One row for each picture: [N,F], [N,F,1,1] or [N,1,F]. */
const isRow = ({ shape }: Value, pictures: number): boolean => {
  const [first, ...rest] = shape;
  return first === pictures && rest.filter((extent) => extent !== 1).length <= 1;
};

const products: ReadonlySet<Node['op']> = new Set<Node['op']>([
  'Gemm',
  'MatMul',
  'FusedMatMul',
  'Conv',
]);

/**
 * @param isFixed whether a value is the same for all pictures
 * @returns the values, each once; undefined where a way back comes to anything else
 */
export const findHeadInputs = (
  producer: ReadonlyMap<Value, Node>,
  isFixed: (value: Value) => boolean,
  answer: Value,
): readonly Value[] | undefined => {
  const found = new Set<Value>();
  const seen = new Set<Value>([answer]);
  const pictures = answer.shape[0] as number;
  // The set grows while it is walked through.
  for (const value of seen) {
    const node = producer.get(value);
    if (!node) return undefined;
    const ways = node.inputs.filter((input) => !isFixed(input));
    const [row] = ways;
    if (products.has(node.op)) {
      if (ways.length !== 1 || !row || !isRow(row, pictures)) return undefined;
      found.add(row);
      if (found.size > mostHeads) return undefined;
    } else if (passed.has(node.op)) for (const way of ways) seen.add(way);
    else return undefined;
  }
  return [...found];
};
