/**
 * Lays small pictures side by side, so that a batch becomes one wide picture: [N,C,H,W] →
 * [1,C,H,W·N], the first columns of all pictures first. A kernel's columns then reach N pixels
 * apart, with a column of zeros for each picture before and after. A row of three pixels leaves most
 * of a convolution kernel idle, which works on dozens at a time, and makes it read its weights again
 * for every picture; a row of three columns of sixty-four does not. What goes pixel by pixel or sums
 * over the batch does not mind; everything else gets its pictures back.
 */

import { GraphBuilder } from '../graph/builder.ts';
import type { Graph, Node, Value } from '../graph/graph.ts';
import type { ConvAttributes, OpAttributes, OpType } from '../graph/ops.ts';
import { sizeOf } from '../tensor/shape.ts';
import { createTwoLayouts, elementwiseOperands, type TwoLayouts } from './two-layouts.ts';

type Extents4 = readonly [number, number, number, number];

/** Pixels of a picture up to which it is small. */
const smallUpTo = 144;

/** What the rules may ask for; the other layout is that side by side. */
interface Ways extends Omit<TwoLayouts, 'put'> {
  readonly b: GraphBuilder;
  readonly blockSize: number;
  /** Whether a convolution of several columns reads the value. */
  isConvolved(value: Value): boolean;
  /** Whether the batch is all that readers of the value sum over, by the same operator. */
  isOnlyReduced(value: Value, op: OpType): boolean;
}

/** @returns what takes the place of the output, in the layout named, or undefined to stay apart */
type Rule<Op extends OpType> = (
  node: Node<Op>,
  ways: Ways,
) => { readonly wide: Value } | { readonly value: Value } | undefined;

const elementwise: Rule<OpType> = (node, ways) => {
  const operands = elementwiseOperands(node, ways);
  if (operands === undefined) return undefined;
  return { wide: ways.b.node(node.op, operands, node.attributes as never)[0] as Value };
};

/** Sums over rows and columns take the batch along, if the batch is all that readers sum over. */
const reduction: Rule<'ReduceSum' | 'ReduceMean'> = (node, ways) => {
  const { axes, keepDimensions } = node.attributes;
  const [x, sums] = [node.inputs[0] as Value, node.outputs[0] as Value];
  const overPixels = axes.length === 2 && axes[0] === 2 && axes[1] === 3 && !keepDimensions;
  if (!ways.isOther(x) || !overPixels || !ways.isOnlyReduced(sums, node.op)) return undefined;
  return { value: ways.b.apply(node.op, [ways.other(x)], node.attributes) };
};

/** Zeros for as many columns of each picture as a kernel reaches beyond the edge. */
const withMargin = (b: GraphBuilder, wide: Value, columns: number): Value => {
  if (columns === 0) return wide;
  return b.apply('Pad', [wide], { pads: [0, 0, 0, columns, 0, 0, 0, columns] });
};

type Kernel = ConvAttributes & { readonly kernel: readonly [number, number] };

/** Whether a convolution, whose gradients are alike, keeps the size of small pictures. */
const suits = ({ shape: [n, c, ...size] }: Value, filters: number, kernel: Kernel, block: number) =>
  (n as number) % block === 0 &&
  [c as number, filters].every((extent) => extent % block === 0) &&
  sizeOf(size) <= smallUpTo &&
  kernel.group === 1 &&
  [...kernel.strides, ...kernel.dilations].every((step) => step === 1) &&
  kernel.pads.every((pad, i) => 2 * pad === (kernel.kernel[i % 2] as number) - 1);

const kernelOf = ({ inputs, attributes }: Node<'Conv'>): Kernel => {
  const [, , r, s] = (inputs[1] as Value).shape as Extents4;
  return { ...attributes, kernel: [r, s] };
};

const suitsConvolution = (node: Node<'Conv'>, block: number): boolean => {
  const [x, weight] = node.inputs as [Value, Value];
  return suits(x, weight.shape[0] as number, kernelOf(node), block);
};

/** The attributes over pictures side by side: columns of the kernel reach as many pixels on. */
const spread = <A extends ConvAttributes>(attributes: A, pictures: number): A => ({
  ...attributes,
  pads: [attributes.pads[0], 0, attributes.pads[2], 0],
  dilations: [1, pictures],
});

const rules: { readonly [Op in OpType]?: Rule<Op> } = {
  Add: elementwise,
  Sub: elementwise,
  Mul: elementwise,
  Relu: elementwise,
  LeakyRelu: elementwise,
  Clip: elementwise,
  Sigmoid: elementwise,
  HardSigmoid: elementwise,
  ReduceSum: reduction,
  ReduceMean: reduction,
  ScaleShift: ({ inputs: [x, ...factors] }, { b, isOther, other }) =>
    isOther(x as Value)
      ? { wide: b.apply('ScaleShift', [other(x as Value), ...factors]) }
      : undefined,
  Conv: (node, { b, blockSize, isOther, isConvolved, other }) => {
    const [x, ...weights] = node.inputs as [Value, ...Value[]];
    if (!suitsConvolution(node, blockSize) || !(isOther(x) || isConvolved(x))) return undefined;
    const pictures = x.shape[0] as number;
    const source = withMargin(b, other(x), node.attributes.pads[1] * pictures);
    return { wide: b.apply('Conv', [source, ...weights], spread(node.attributes, pictures)) };
  },
  ConvWeightGradient: ({ inputs, attributes }, { b, blockSize, isOther, other }) => {
    const [gradient, x] = inputs as [Value, Value];
    const filters = gradient.shape[1] as number;
    if (!suits(x, filters, attributes, blockSize) || !inputs.every(isOther)) return undefined;
    const pictures = x.shape[0] as number;
    const source = withMargin(b, other(x), attributes.pads[1] * pictures);
    const spreadOut = spread(attributes, pictures);
    return { value: b.apply('ConvWeightGradient', [other(gradient), source], spreadOut) };
  },
};

export const sideBySide = (graph: Graph, blockSize: number): Graph => {
  const convolved = new Set<Value>();
  const readers = new Map<Value, Node[]>();
  for (const node of graph.nodes) {
    for (const value of node.inputs) readers.set(value, [...(readers.get(value) ?? []), node]);
    if (node.op === 'Conv' && kernelOf(node as Node<'Conv'>).kernel[1] > 1)
      if (suitsConvolution(node as Node<'Conv'>, blockSize)) convolved.add(node.inputs[0] as Value);
  }
  if (convolved.size === 0) return graph;
  const results = new Set(graph.outputs.map(({ value }) => value));
  const b = new GraphBuilder('wide_');
  const { put, ...layouts } = createTwoLayouts(
    (value) => b.apply('SideBySide', [value]),
    (wide, { shape }) => b.apply('Apart', [wide], { pictures: shape[0] as number }),
  );
  const ways: Ways = {
    ...layouts,
    b,
    blockSize,
    isConvolved: (value) => convolved.has(value),
    isOnlyReduced: (value, by) =>
      !results.has(value) &&
      (readers.get(value) ?? []).every(
        ({ op, attributes }) =>
          op === by && (attributes as OpAttributes['ReduceSum']).axes.join() === '0',
      ),
  };
  for (const node of graph.nodes) {
    const rule = rules[node.op] as Rule<OpType> | undefined;
    const made = rule?.(node, ways);
    const [output] = node.outputs as [Value];
    if (made === undefined) b.nodes.push({ ...node, inputs: node.inputs.map(layouts.plain) });
    else if ('wide' in made) put(output, made.wide, true);
    else put(output, made.value, false);
  }
  const outputs = graph.outputs.map(({ name, value }) => ({ name, value: layouts.plain(value) }));
  const constants = new Map([...graph.constants, ...b.build().constants]);
  return { ...graph, constants, nodes: b.nodes, outputs };
};
