/** The form of a lowering. */
import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';

/** Writes an operator with others: from inputs and attributes to its outputs. */
export type Lowering<Attributes> = (
  b: GraphBuilder,
  inputs: readonly Value[],
  attributes: Attributes,
) => readonly Value[];

export type None = Record<string, never>;

/** A lowering of one input and one output. */
export const unary =
  <Attributes = None>(
    write: (b: GraphBuilder, x: Value, attributes: Attributes) => Value,
  ): Lowering<Attributes> =>
  (b, inputs, attributes) => [write(b, inputs[0] as Value, attributes)];
