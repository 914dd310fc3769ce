/**
 * The update of a dense weight that is too large for the processor's caches. Written as whole
 * tensors it would pass the memory some ten times: for 51 million weights 5 GB a step. Rows are
 * updated block by block instead, all operators on one block before the next, and a block's
 * gradient is computed where it is used, so that the whole gradient never exists. The memory then
 * sees weights and states twice, to read and to write.
 */
import { GraphBuilder } from '../graph/builder.ts';
import type { Node, Value } from '../graph/graph.ts';
import { sizeOf } from '../tensor/shape.ts';
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

/** The largest number of rows that divides all of them and stays within `limit`. */
const rowsPerBlock = (rows: number, limit: number): number => {
  for (let part = Math.min(rows, limit); part > 1; part--) if (rows % part === 0) return part;
  return 1;
};

/**
 * The optimizer's update as a scan over blocks of rows.
 * @param blockElements most elements of a block, where a row is not more
 * @returns the next weight and states as [blocks, rows, columns], their elements in order
 */
export const updateInBlocks = (
  optimizer: Optimizer,
  { builder: b, weight, state, hyperparameters, decay }: Omit<UpdateContext, 'gradient'>,
  factors: GradientFactors,
  blockElements = mostElements,
): Update => {
  const [rows, columns] = weight.shape as [number, number];
  const [samples] = factors.input.shape as [number];
  const part = rowsPerBlock(rows, Math.floor(blockElements / columns));
  const blocks = (value: Value, width: number): Value =>
    b.apply('Reshape', [value], { shape: [rows / part, part, width] });
  const rowGradients = b.apply('Transpose', [factors.outputGradient], { permutation: [1, 0] });

  const body = new GraphBuilder(`${weight.name}/block_`);
  const block = (name: string, width: number): Value =>
    body.input(`${weight.name}/block_${name}`, 'float32', [part, width]);
  const ownWeight = block('weight', columns);
  const ownState = optimizer.stateNames.map((name) => block(name, columns));
  const ownGradients = block('gradients', samples);
  const capture = ({ name, dtype, shape }: Value): Value =>
    body.input(`${weight.name}/block_${name}`, dtype, shape);
  const input = capture(factors.input);
  const numbers = Object.entries(hyperparameters);
  const next = optimizer.update({
    builder: body,
    weight: ownWeight,
    gradient: body.apply('Gemm', [ownGradients, input], {
      transA: false,
      transB: false,
      alpha: 1,
      beta: 0,
    }),
    state: ownState,
    hyperparameters: Object.fromEntries(numbers.map(([name, value]) => [name, capture(value)])),
    decay,
  });
  for (const value of [next.weight, ...next.state]) body.output(value.name, value);

  const scanned = [weight, ...state].map((value) => blocks(value, columns));
  scanned.push(blocks(rowGradients, samples));
  const captured = [factors.input, ...numbers.map(([, value]) => value)];
  const [nextWeight, ...nextState] = b.node('Scan', [...scanned, ...captured], {
    body: body.build(),
    scanned: scanned.length,
  });
  return { weight: nextWeight as Value, state: nextState };
};
