/**
 * Works through the batch in parts, so that what one operator writes is still in the cache when the
 * next one reads it. Every value that carries the batch along its first axis becomes a value for
 * each part, and what sums over the batch is summed over the parts, in a fixed order: statistics of
 * the batch stay those of the whole batch. Pictures that have become small are joined again.
 */

import { GraphBuilder } from '../graph/builder.ts';
import type { Graph, Node, Value } from '../graph/graph.ts';
import type { OpType } from '../graph/ops.ts';
import { sameShape, sizeOf } from '../tensor/shape.ts';
import { isOfFewChannels } from './blocked/unrolled-weight-product.ts';

/** One block of pictures for the weight gradient: see blocked-weight-gradient.ts. */
const picturesInPart = 16;

/** Numbers of one picture from which it is large. */
const largeFrom = 16_384;

/** Numbers of one picture of which sixteen do not fit the cache, and pictures in a part then. */
const [hugeFrom, hugeInPart] = [2 ** 20, 2];

/** How a node that reads parts is written. */
type Way =
  /** Once for each part; the outputs are in parts. */
  | 'each'
  /** Once for each part; the results are added. */
  | 'sum'
  /** Once for each part; the results are averaged. */
  | 'mean'
  /** Once for each part; the results are put together. */
  | 'join';

type Rule<Op extends OpType> = (node: Node<Op>, isSplit: readonly boolean[]) => Way | undefined;

/** Whether an operand holds other numbers for each picture of the result. */
const holdsBatch = (operand: Value, { shape }: Value): boolean =>
  operand.shape.length === shape.length && operand.shape[0] === shape[0];

/** Operands in parts or alike for every picture; those that hold the whole batch are cut. */
const cutToFit: Rule<OpType> = ({ inputs, outputs: [output] }, isSplit) =>
  inputs.every((value, i) => !isSplit[i] || holdsBatch(value, output as Value))
    ? 'each'
    : undefined;

/** The first input is in parts, the others are weights. */
const byPicture: Rule<OpType> = (_, [first, ...others]) =>
  first && !others.some((split) => split) ? 'each' : undefined;

const reduction =
  (overBatch: Way): Rule<'ReduceSum' | 'ReduceMean' | 'ReduceMax'> =>
  ({ attributes: { axes } }) =>
    axes.includes(0) ? overBatch : 'each';

const rules: { readonly [Op in OpType]?: Rule<Op> } = {
  Add: cutToFit,
  Sub: cutToFit,
  Mul: cutToFit,
  Div: cutToFit,
  Pow: cutToFit,
  Min: cutToFit,
  Max: cutToFit,
  Neg: cutToFit,
  Abs: cutToFit,
  Sign: cutToFit,
  Sin: cutToFit,
  Cos: cutToFit,
  Exp: cutToFit,
  Log: cutToFit,
  Sqrt: cutToFit,
  Reciprocal: cutToFit,
  Greater: cutToFit,
  Equal: cutToFit,
  Where: cutToFit,
  Cast: cutToFit,
  Relu: cutToFit,
  LeakyRelu: cutToFit,
  Clip: cutToFit,
  Sigmoid: cutToFit,
  HardSigmoid: cutToFit,
  Tanh: cutToFit,
  Softmax: ({ attributes: { axis } }) => (axis === 0 ? undefined : 'each'),
  LogSoftmax: ({ attributes: { axis } }) => (axis === 0 ? undefined : 'each'),
  ReduceSum: reduction('sum'),
  ReduceMean: reduction('mean'),
  Reshape: ({ inputs: [x], outputs: [y] }) =>
    (x as Value).shape[0] === (y as Value).shape[0] ? 'each' : undefined,
  Expand: ({ inputs: [x], outputs: [y] }) =>
    sameShape((x as Value).shape.slice(0, 1), (y as Value).shape.slice(0, 1)) &&
    (x as Value).shape.length === (y as Value).shape.length
      ? 'each'
      : undefined,
  Transpose: ({ attributes: { permutation } }) => (permutation[0] === 0 ? 'each' : undefined),
  // A slice of nothing waits for its input: see after-readers.ts.
  Slice: ({ attributes: { axes }, outputs: [y] }) =>
    axes.includes(0) ? ((y as Value).shape[0] === 0 ? 'join' : undefined) : 'each',
  ScaleShift: byPicture,
  Conv: byPicture,
  ConvTranspose: byPicture,
  MaxPool: byPicture,
  AveragePool: byPicture,
  MaxPoolGradient: cutToFit,
  ConvWeightGradient: (_, isSplit) => (isSplit.every((split) => split) ? 'sum' : undefined),
  Gemm: ({ attributes: { transA, transB }, inputs }, [left, right]) => {
    return left && right && transA && !transB && inputs.length === 2 ? 'sum' : undefined;
  },
};

/** Attributes that name the batch name the part's. */
const ofPart = (node: Node, parts: number): Node['attributes'] => {
  if (node.op !== 'Reshape' && node.op !== 'Expand') return node.attributes;
  const { shape } = (node as Node<'Reshape'>).attributes;
  return { shape: shape.with(0, (shape[0] as number) / parts) };
};

/** The weight gradient as a convolution has pictures as channels: see blocked-weight-gradient.ts. */
const needsBlocks = (node: Node): boolean =>
  node.op === 'ConvWeightGradient' && !isOfFewChannels(node as Node<'ConvWeightGradient'>);

/**
 * @param inputs those whose first axis is the batch; one that makes no whole parts is not divided
 * @param huge numbers of one picture from which parts are finer
 */
export const splitBatch = (graph: Graph, inputs: readonly Value[], huge = hugeFrom): Graph => {
  const pictures = inputs[0]?.shape[0] ?? 0;
  if (pictures <= picturesInPart || pictures % picturesInPart !== 0) return graph;
  const b = new GraphBuilder('part_');
  const split = new Map<Value, readonly Value[]>();
  const joined = new Map<Value, Value>();
  const cut = (value: Value, parts: number): readonly Value[] =>
    Array.from({ length: parts }, (_, part) => {
      const extent = (value.shape[0] as number) / parts;
      return b.apply('Slice', [value], {
        starts: [part * extent],
        ends: [(part + 1) * extent],
        axes: [0],
        steps: [1],
      });
    });
  for (const input of inputs) {
    split.set(input, cut(input, pictures / picturesInPart));
    joined.set(input, input);
  }
  /** The value in this many parts: those it is in, cut further or put together. */
  const regrouped = new Map<Value, readonly Value[]>();
  const inParts = (value: Value, parts: number): readonly Value[] | undefined => {
    const known = [split, regrouped].map((map) => map.get(value));
    const fitting = known.find((pieces) => pieces?.length === parts);
    const [pieces] = known;
    if (fitting || pieces === undefined) return fitting;
    const size = pieces.length / parts;
    const made =
      size < 1
        ? pieces.flatMap((piece) => cut(piece, 1 / size))
        : Array.from({ length: parts }, (_, part) =>
            b.apply('Concat', pieces.slice(part * size, (part + 1) * size), { axis: 0 }),
          );
    regrouped.set(value, made);
    return made;
  };
  const whole = (value: Value): Value => {
    const known = joined.get(value);
    if (known) return known;
    const pieces = split.get(value);
    if (pieces === undefined) return value;
    const join = b.apply('Concat', pieces, { axis: 0 });
    joined.set(value, join);
    return join;
  };

  const addAll = (values: readonly Value[]): Value =>
    values.reduce((sum, value) => b.apply('Add', [sum, value]));
  for (const node of graph.nodes) {
    const isSplit = node.inputs.map((value) => split.has(value));
    const rule = rules[node.op] as Rule<OpType> | undefined;
    const largest = Math.max(
      ...[...node.inputs.filter((_, i) => isSplit[i]), node.outputs[0] as Value].map(({ shape }) =>
        sizeOf(shape.slice(1)),
      ),
    );
    const way = largest >= largeFrom && isSplit.includes(true) ? rule?.(node, isSplit) : undefined;
    if (way === undefined) {
      b.nodes.push({ ...node, inputs: node.inputs.map(whole) });
      continue;
    }
    const output = node.outputs[0] as Value;
    const finely = largest >= huge && !needsBlocks(node);
    const parts = pictures / (finely ? hugeInPart : picturesInPart);
    if (rule === cutToFit)
      for (const value of node.inputs)
        if (!split.has(value) && holdsBatch(value, output)) {
          joined.set(value, whole(value));
          split.set(value, cut(whole(value), parts));
        }
    const results = Array.from({ length: parts }, (_, part) =>
      b.node(
        node.op,
        node.inputs.map((value) => inParts(value, parts)?.[part] ?? whole(value)),
        ofPart(node, parts) as never,
      ),
    );
    const firsts = results.map(([first]) => first as Value);
    if (way === 'each')
      node.outputs.forEach((value, i) => {
        split.set(
          value,
          results.map((outputs) => outputs[i] as Value),
        );
      });
    else {
      const combine: Readonly<Record<Exclude<Way, 'each'>, () => Value>> = {
        sum: () => addAll(firsts),
        mean: () => b.apply('Mul', [addAll(firsts), b.scalar(1 / parts)]),
        join: () => b.apply('Concat', firsts, { axis: 0 }),
      };
      joined.set(output, combine[way]());
    }
  }
  return {
    ...graph,
    constants: new Map([...graph.constants, ...b.build().constants]),
    nodes: b.nodes,
    outputs: graph.outputs.map(({ name, value }) => ({ name, value: whole(value) })),
  };
};
