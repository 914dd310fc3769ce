/** What the rules of the blocked layout get and give. */
import type { GraphBuilder } from '../../graph/builder.ts';
import type { Node, Value } from '../../graph/graph.ts';
import type { OpType } from '../../graph/ops.ts';

/** What rules may ask about the graph so far, and the builder they write to. */
export interface Layout {
  readonly builder: GraphBuilder;
  readonly blockSize: number;
  isBlocked(value: Value): boolean;
  /** The value in blocked layout, rearranged here if it has to be. */
  blocked(value: Value): Value;
  /** The value in plain layout, rearranged here if it has to be. */
  plain(value: Value): Value;
  /** The node of the original graph that makes the value. */
  producer(value: Value): Node | undefined;
  /** Whether anybody reads the value. */
  isRead(value: Value): boolean;
}

/** What takes the place of an output. */
export interface Made {
  readonly value: Value;
  readonly isBlocked: boolean;
}

export type BlockedRule<Op extends OpType> = (
  node: Node<Op>,
  layout: Layout,
) => readonly Made[] | undefined;

export const blocked = (value: Value): readonly Made[] => [{ value, isBlocked: true }];
export const plain = (value: Value): readonly Made[] => [{ value, isBlocked: false }];
