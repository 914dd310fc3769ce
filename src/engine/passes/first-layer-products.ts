/**
 * Sums over the largest pictures of a network, those of its first layer, out of the products that its
 * weight gradient computes anyway. With Y = Conv(X, W) and P(V) = Σ V·windows(X), the weight gradient
 * that V would give, [K,C,r,s]:
 *
 * - Σ V·Y = Σ P(V)·W, filter by filter: batch normalization asks for it with V = Y and V = dL/dY.
 * - P is linear: batch normalization's gradient, f·V + k·Y + t with a factor for each channel, has
 *   the weight gradient f·P(V) + k·P(Y) + t·P(1).
 *
 * So the products of two pictures, and the gradient behind the normalization, are never made.
 */

import type { GraphBuilder } from '../graph/builder.ts';
import type { Graph, Node, Value } from '../graph/graph.ts';
import { rewrite } from '../graph/rewrite.ts';
import { sumOfChannels } from '../graph/sum-of-channels.ts';
import { sameShape } from '../tensor/shape.ts';
import { isOfFewChannels, unrolledWindows } from './blocked/unrolled-weight-product.ts';

type Extents4 = readonly [number, number, number, number];
type WeightGradient = Node<'ConvWeightGradient'>;
type Reduction = Node<'ReduceSum' | 'ReduceMean'>;

/** f·V + k·Y + t */
interface Line {
  readonly v: Value;
  readonly f: Value;
  readonly y: Value;
  readonly k: Value;
  readonly t: Value;
}

type ScaleShiftInputs = readonly [x: Value, scale: Value, shift?: Value];
type Producers = ReadonlyMap<Value, Node>;

const lineOf = (value: Value, producers: Producers): Line | undefined => {
  const sum = producers.get(value);
  if (sum?.op !== 'Add') return undefined;
  const [left, right] = sum.inputs.map((input) => producers.get(input));
  if (left?.op !== 'ScaleShift' || right?.op !== 'ScaleShift') return undefined;
  const [v, f, shift] = left.inputs as ScaleShiftInputs;
  const [y, k, t] = right.inputs as ScaleShiftInputs;
  return shift || !t ? undefined : { v, f, y, k, t };
};

/** The first layers whose normalization's gradient their weight gradient reads, by their output. */
const firstLayers = (graph: Graph, blockSize: number): ReadonlyMap<Value, WeightGradient> => {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((v) => [v, node])));
  return new Map(
    graph.nodes.flatMap((node) => {
      const [gradient, x] = node.inputs as [Value, Value];
      if (node.op !== 'ConvWeightGradient' || !isOfFewChannels(node as WeightGradient)) return [];
      if ((gradient.shape[1] as number) % blockSize !== 0) return [];
      const line = lineOf(gradient, producers);
      const convolution = line && producers.get(line.y);
      const isOwn =
        convolution?.op === 'Conv' &&
        convolution.inputs.length === 2 &&
        convolution.inputs[0] === x;
      return line && isOwn ? [[line.y, node as WeightGradient] as const] : [];
    }),
  );
};

const isReduction = (node: Node | undefined, axes: string): node is Reduction =>
  (node?.op === 'ReduceSum' || node?.op === 'ReduceMean') &&
  (node as Reduction).attributes.axes.join() === axes &&
  !(node as Reduction).attributes.keepDimensions;

/** [K] → [K,1,1,1] */
const forEachFilter = (b: GraphBuilder, factor: Value): Value =>
  b.apply('Reshape', [factor], { shape: [factor.shape[0] as number, 1, 1, 1] });

/** @param blockSize see LowerOptions */
export const firstLayerProducts = (graph: Graph, blockSize: number): Graph => {
  const layers = firstLayers(graph, blockSize);
  const producers = new Map<Value, Node>();
  const known = new Map<Value, Value>();
  const productsOf = (b: GraphBuilder, v: Value, { inputs, attributes }: WeightGradient): Value => {
    const value =
      known.get(v) ?? b.apply('ConvWeightGradient', [v, inputs[1] as Value], attributes);
    known.set(v, value);
    return value;
  };

  /** In the place of a sum or mean of V·Y over pictures and pixels. */
  const sumOfProducts = (b: GraphBuilder, overPictures: Reduction): Value | undefined => {
    const overPixels = producers.get(overPictures.inputs[0] as Value);
    if (!isReduction(overPixels, '2,3') || overPixels.op !== overPictures.op) return undefined;
    const product = producers.get(overPixels.inputs[0] as Value);
    const y = product?.inputs.find((value) => layers.has(value));
    if (product?.op !== 'Mul' || y === undefined) return undefined;
    const v = product.inputs.find((value) => value !== y) ?? y;
    if (!sameShape(v.shape, y.shape)) return undefined;
    const products = productsOf(b, v, layers.get(y) as WeightGradient);
    const weight = producers.get(y)?.inputs[1] as Value;
    const axes = { axes: [1, 2, 3], keepDimensions: false };
    const sum = b.apply('ReduceSum', [b.apply('Mul', [products, weight])], axes);
    const [n, , h, w] = y.shape as Extents4;
    return overPictures.op === 'ReduceSum' ? sum : b.apply('Mul', [sum, b.scalar(1 / (n * h * w))]);
  };

  const weightGradient = (b: GraphBuilder, node: WeightGradient): Value | undefined => {
    const [gradient, x] = node.inputs as [Value, Value];
    const line = lineOf(gradient, producers);
    if (line === undefined || layers.get(line.y)?.outputs[0] !== node.outputs[0]) return undefined;
    const { kernel, ...window } = node.attributes;
    const windows = unrolledWindows(b, x, kernel, window);
    const products = [
      [line.f, productsOf(b, line.v, node)],
      [line.k, productsOf(b, line.y, node)],
      [
        line.t,
        b.apply('Reshape', [sumOfChannels(b, windows)], {
          shape: [1, x.shape[1] as number, ...kernel],
        }),
      ],
    ] as const;
    return products
      .map(([factor, value]) => b.apply('Mul', [forEachFilter(b, factor), value]))
      .reduce((sum, term) => b.apply('Add', [sum, term]));
  };

  return rewrite(graph, 'first_', (b, node) => {
    for (const output of node.outputs) producers.set(output, node);
    const value = isReduction(node, '0')
      ? sumOfProducts(b, node)
      : node.op === 'ConvWeightGradient'
        ? weightGradient(b, node as WeightGradient)
        : undefined;
    return value && [value];
  });
};
