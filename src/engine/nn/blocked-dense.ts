/**
 * Large dense layers in ONNX Runtime's blocked layout. Their weights W [units, inputs] lie as
 * [inputs/b, units, b] for as long as a training runs, and these bytes are two things at once: a
 * picture whose channels are the inputs and whose pixels are the units, and the kernel of a 1×1
 * convolution from units to inputs. So all three products of a dense layer are convolutions that
 * read the weights as they lie, while a matrix product first packs them anew each time:
 *
 * - y = x·Wᵀ: the picture W, with x as the kernel;
 * - dL/dx = g·W: the samples of g as pixels, with W as the kernel;
 * - dL/dW = gᵀ·x, in W's layout: the units of g as pixels and the samples as channels, with x as
 *   the kernel; any range of inputs by itself.
 */

import type { GraphBuilder } from '../graph/builder.ts';
import type { Node, Value } from '../graph/graph.ts';
import { moveRows } from '../passes/blocked/move-rows.ts';
import { noBias } from '../passes/blocked/no-bias.ts';
import {
  type BlockAddition,
  type GradientFactors,
  type GradientInBlocks,
  partWithin,
} from './blocked-update.ts';

/** A weight, or a state of the same shape, that a training graph takes in blocked layout. */
export interface BlockedTensor {
  /** As everybody else knows it: [units, inputs]. */
  readonly plain: Value;
  /** The graph's input: the elements as [inputs/b, units, b], shaped as updates take them. */
  readonly blocked: Value;
  readonly blockSize: number;
}

/** Elements of a block of the update: 256, 1,024 and 1,792 rows of 1,024 were slower than 512. */
const elementsInBlock = 2 ** 19;

const pointwise = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], group: 1 } as const;

/** Units as pixels: two threads and more share rows. */
const pixelsOf = (units: number): readonly [number, number] => {
  const rows = partWithin(units, Math.sqrt(units));
  return [rows, units / rows];
};

/** Adds the input that takes a dense weight's or its state's place. */
export const blockedInput = (b: GraphBuilder, plain: Value, blockSize: number): BlockedTensor => {
  const [units, inputs] = plain.shape as [number, number];
  const part = blockSize * partWithin(inputs / blockSize, elementsInBlock / (units * blockSize));
  const shape = [inputs / part, 1, part, ...pixelsOf(units)];
  return { plain, blocked: b.input(`blocked/${plain.name}`, 'float32', shape), blockSize };
};

/**
 * Makes the graph read a dense weight from blocked layout.
 * @returns undefined, and changes nothing, where the layout does not fit or the weight is also read
 *   by what is no dense layer
 */
export const readBlocked = (
  b: GraphBuilder,
  weight: Value,
  { input }: GradientFactors,
  blockSize: number,
): BlockedTensor | undefined => {
  const extents = [input.shape[0] as number, ...weight.shape];
  if (extents.some((extent) => extent % blockSize !== 0)) return undefined;
  const readers = b.nodes.filter(({ inputs }) => inputs.includes(weight));
  if (!readers.every((node) => isForward(node, weight) || isBackward(node, weight)))
    return undefined;
  const tensor = blockedInput(b, weight, blockSize);
  for (const node of readers)
    replace(b, node, () => (isForward(node, weight) ? forward : backward)(b, node, tensor));
  return tensor;
};

const isGemm = ({ op, inputs, attributes }: Node, weight: Value, transB: boolean): boolean => {
  const { transA, alpha, beta, ...others } = attributes as Node<'Gemm'>['attributes'];
  return (
    op === 'Gemm' &&
    inputs[1] === weight &&
    inputs.indexOf(weight) === inputs.lastIndexOf(weight) &&
    !transA &&
    others.transB === transB &&
    alpha === 1 &&
    (inputs.length === 2 || beta === 1)
  );
};
const isForward = (node: Node, weight: Value) => isGemm(node, weight, true);
const isBackward = (node: Node, weight: Value) =>
  isGemm(node, weight, false) && node.inputs.length === 2;

/** Puts what `make` adds in the place of a node, whose output stays the value it was. */
const replace = (b: GraphBuilder, node: Node, make: () => void): void => {
  const end = b.nodes.length;
  make();
  const made = b.nodes.splice(end);
  const last = made.pop() as Node;
  b.nodes.splice(b.nodes.indexOf(node), 1, ...made, { ...last, outputs: node.outputs });
};

const forward = (b: GraphBuilder, node: Node, { plain, blocked, blockSize }: BlockedTensor) => {
  const [x, , bias] = node.inputs as [Value, Value, Value?];
  const [units, inputs] = plain.shape as [number, number];
  const samples = x.shape[0] as number;
  const innermost = b.apply('ToBlocked', [
    b.apply('Reshape', [x], { shape: [samples / blockSize, blockSize, inputs, 1] }),
  ]);
  const kernel = b.apply('Reshape', [innermost], { shape: [samples, inputs, 1, 1] });
  const picture = b.apply('Reshape', [blocked], { shape: [1, inputs, ...pixelsOf(units)] });
  const y = b.apply('FromBlocked', [b.apply('BlockedConv', [picture, kernel], pointwise)]);
  const rows = b.apply('Reshape', [y], { shape: [samples, units] });
  return bias ? b.apply('Add', [rows, bias]) : rows;
};

const backward = (b: GraphBuilder, node: Node, { plain, blocked, blockSize }: BlockedTensor) => {
  const gradient = node.inputs[0] as Value;
  const [units, inputs] = plain.shape as [number, number];
  const samples = gradient.shape[0] as number;
  const pixels = b.apply('Reshape', [samplesInside(b, gradient, blockSize)], {
    shape: [1, units, 1, samples],
  });
  const kernel = b.apply('Reshape', [blocked], { shape: [inputs, units, 1, 1] });
  const product = b.apply('BlockedConv', [pixels, kernel], pointwise);
  const columns = b.apply('Reshape', [product], {
    shape: [1, inputs / blockSize, samples, blockSize],
  });
  return b.apply('Reshape', [moveRows(b, columns, [0, 2, 1])], { shape: [samples, inputs] });
};

/** [samples, columns] as [1, columns/b, samples, b]. */
const samplesInside = (b: GraphBuilder, value: Value, blockSize: number): Value => {
  const [samples, columns] = value.shape as [number, number];
  const blocks = b.apply('Reshape', [value], {
    shape: [1, samples, columns / blockSize, blockSize],
  });
  return moveRows(b, blocks, [0, 2, 1]);
};

/**
 * addend + factor·x as a convolution of each channel by itself, which adds what it is given. ONNX
 * Runtime's kernel first copies the addend into its output and adds there; where a training session
 * gave one array for both, it adds in place.
 */
const additionIn = (channels: number): BlockAddition => ({
  factorShape: [channels, 1, 1, 1],
  add: (body, addend, x, factor) => {
    const inputs = [x, factor, noBias(body, channels), addend];
    return body.apply('BlockedConv', inputs, { ...pointwise, group: channels });
  },
});

/** The weight's gradient block by block, and the optimizer's additions. */
export const blockedGradient = (
  b: GraphBuilder,
  { blocked, blockSize }: BlockedTensor,
  { outputGradient, input }: GradientFactors,
): GradientInBlocks => {
  const [blocks, , part, ...pixels] = blocked.shape as [number, number, number, number, number];
  const samples = input.shape[0] as number;
  const units = b.apply('Reshape', [outputGradient], { shape: [1, samples, ...pixels] });
  return {
    blockShape: [1, part, ...pixels],
    own: b.apply('Reshape', [samplesInside(b, input, blockSize)], {
      shape: [blocks, part, samples, 1, 1],
    }),
    shared: b.apply('ToBlocked', [units]),
    addition: additionIn(part),
    product: (body, kernel, picture) => body.apply('BlockedConv', [picture, kernel], pointwise),
  };
};

type Arrangement = Pick<BlockedTensor, 'plain' | 'blockSize'>;

/** Calls `visit` with where each run of `blockSize` elements lies in plain and in blocked layout. */
const forEachRun = (
  { plain: { shape }, blockSize }: Arrangement,
  visit: (plain: number, blocked: number) => void,
): void => {
  const [units, inputs] = shape as [number, number];
  for (let unit = 0; unit < units; unit++)
    for (let first = 0; first < inputs; first += blockSize)
      visit(unit * inputs + first, first * units + unit * blockSize);
};

/** @returns a copy in blocked layout */
export const intoBlocks = (arrangement: Arrangement, plain: Float32Array): Float32Array => {
  const { blockSize } = arrangement;
  const blocked = new Float32Array(plain.length);
  forEachRun(arrangement, (from, to) => {
    for (let i = 0; i < blockSize; i++) blocked[to + i] = plain[from + i] as number;
  });
  return blocked;
};

/** @returns a copy in plain layout */
export const outOfBlocks = (arrangement: Arrangement, blocked: Float32Array): Float32Array => {
  const { blockSize } = arrangement;
  const plain = new Float32Array(blocked.length);
  forEachRun(arrangement, (to, from) => {
    for (let i = 0; i < blockSize; i++) plain[to + i] = blocked[from + i] as number;
  });
  return plain;
};
