/**
 * The update of a dense weight that is too large for the processor's caches. Written as whole
 * tensors it would pass the memory some ten times: for 51 million weights 5 GB a step. It is updated
 * block by block instead, all operators on one block before the next, and a block's gradient is
 * computed where it is used, so that the whole gradient never exists. The memory then sees weights
 * and states twice, to read and to write. Blocks are rows, or what blocked-dense.ts makes of them.
 */
import { GraphBuilder } from '../graph/builder.ts';
import type { Node, Value } from '../graph/graph.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import type { Optimizer, Update, UpdateContext } from './optimizers.ts';

/**
 * Weights of fewer elements are updated whole. A block, its states, its gradient and what lies
 * between them must fit the last-level cache together (measured best of 8 to 1,024 blocks with
 * 32 MiB of it); smaller blocks cost more calls.
 */
const [largeElements, mostElements] = [2 ** 23, 2 ** 21];

/** What a dense layer's gradient gᵀ·x is made of. */
export interface GradientFactors {
  /** g [N, rows]: the gradient of the layer's output. */
  readonly outputGradient: Value;
  /** x [N, columns] */
  readonly input: Value;
}

/** The factors of a large weight's gradient; undefined where it is not large or no product. */
export const factorsOfLarge = (
  nodes: readonly Node[],
  gradient: Value,
  least = largeElements,
): GradientFactors | undefined => {
  const node = nodes.find(({ outputs }) => outputs[0] === gradient);
  if (node?.op !== 'Gemm' || node.inputs.length !== 2) return undefined;
  const { transA, transB, alpha } = (node as Node<'Gemm'>).attributes;
  if (sizeOf(gradient.shape) < least || !transA || transB || alpha !== 1) return undefined;
  const [outputGradient, input] = node.inputs as [Value, Value];
  return { outputGradient, input };
};

/** The largest number that divides `total` and is no more than `limit`; at least 1. */
export const partWithin = (total: number, limit: number): number => {
  for (let part = Math.min(total, Math.floor(limit)); part > 1; part--)
    if (total % part === 0) return part;
  return 1;
};

/** How a weight's gradient is computed block by block. */
export interface GradientInBlocks {
  readonly blockShape: Shape;
  /** [blocks, …]: what each block's gradient is made of. */
  readonly own: Value;
  /** What all of them are made of. */
  readonly shared: Value;
  /** Adds the gradient of one block to the body of the scan. */
  product(body: GraphBuilder, own: Value, shared: Value): Value;
  /** Where there is a faster way for the optimizer's additions than two operators. */
  readonly addition?: BlockAddition;
}

/** addend + factor·x on blocks. */
export interface BlockAddition {
  /** The shape in which the factor is repeated. */
  readonly factorShape: Shape;
  add(body: GraphBuilder, addend: Value, x: Value, factor: Value): Value;
}

/**
 * The gradient of a weight [rows, columns] in blocks of rows.
 * @param blockElements most elements of a block, where a row is not more
 */
export const gradientOfRows = (
  b: GraphBuilder,
  { outputGradient, input }: GradientFactors,
  blockElements = mostElements,
): GradientInBlocks => {
  const [samples, rows] = outputGradient.shape as [number, number];
  const columns = input.shape[1] as number;
  const part = partWithin(rows, blockElements / columns);
  const turned = b.apply('Transpose', [outputGradient], { permutation: [1, 0] });
  const plainly = { transA: false, transB: false, alpha: 1, beta: 0 };
  return {
    blockShape: [part, columns],
    own: b.apply('Reshape', [turned], { shape: [rows / part, part, samples] }),
    shared: input,
    product: (body, gradients, x) => body.apply('Gemm', [gradients, x], plainly),
  };
};

/**
 * The optimizer's update as a scan over blocks.
 * @returns the next weight and states as [blocks, …], their elements in order
 */
export const updateInBlocks = (
  optimizer: Optimizer,
  { builder: b, weight, state, hyperparameters, decay }: Omit<UpdateContext, 'gradient'>,
  { blockShape, own, shared, product, addition }: GradientInBlocks,
): Update => {
  const body = new GraphBuilder(`${weight.name}/block_`);
  const inBody = (name: string, shape: Shape): Value =>
    body.input(`${weight.name}/block_${name}`, 'float32', shape);
  const ownWeight = inBody('weight', blockShape);
  const ownState = optimizer.stateNames.map((name) => inBody(name, blockShape));
  const ownFactor = inBody('own', own.shape.slice(1));
  const sharedFactor = inBody('shared', shared.shape);
  const numbers = Object.entries(hyperparameters);
  const inside = numbers.map(([name, { shape }]) => [name, inBody(name, shape)] as const);
  const repeated = new Map(
    inside.map(([name, value]) => [
      value,
      addition && inBody(`${name}_repeated`, addition.factorShape),
    ]),
  );
  const next = optimizer.update({
    builder: body,
    weight: ownWeight,
    gradient: product(body, ownFactor, sharedFactor),
    state: ownState,
    hyperparameters: Object.fromEntries(inside),
    decay,
    ...(addition && {
      addScaled: (addend, x, factor) =>
        addition.add(body, addend, x, repeated.get(factor) as Value),
    }),
  });
  for (const value of [next.weight, ...next.state]) body.output(value.name, value);

  const blocks = own.shape[0] as number;
  const scanned = [weight, ...state].map((value) =>
    b.apply('Reshape', [value], { shape: [blocks, ...blockShape] }),
  );
  scanned.push(own);
  const outside = numbers.map(([, value]) => value);
  const captured = [shared, ...outside];
  if (addition)
    captured.push(
      ...outside.map((value) => b.apply('Expand', [value], { shape: addition.factorShape })),
    );
  const [nextWeight, ...nextState] = b.node('Scan', [...scanned, ...captured], {
    body: body.build(),
    scanned: scanned.length,
  });
  return { weight: nextWeight as Value, state: nextState };
};
