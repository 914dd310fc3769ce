/** What a rule that turns an ONNX node into nodes of a graph is given and gives back. */
import { RelearnError } from '../../../base/errors.ts';
import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import type { Literal } from '../literal.ts';
import type { SourceNode } from '../onnx-node.ts';

export interface ImportCall {
  readonly builder: GraphBuilder;
  readonly node: SourceNode;
  readonly opset: number;
  /** An input as a value; stored numbers become a weight, others a constant. */
  value(index: number): Value;
  /** An input that is a kernel or a matrix: weight decay applies to it. */
  kernel(index: number): Value;
  /** A weight that the gradient must not move, such as a running statistic. */
  statistic(index: number): Value;
  /** Whether an input's numbers are known. */
  isKnown(index: number): boolean;
  /** Whether an input was given. */
  has(index: number): boolean;
  /** An input's numbers, where it was given. @throws RelearnError where they are not known */
  literal(index: number): Literal | undefined;
  /** The extents a fixed batch was exported with, next to the batch that is built. */
  readonly batch: { readonly exported: number | undefined; readonly built: number };
}

/** @returns the node's outputs, as many as anybody may read */
export type ImportRule = (call: ImportCall) => readonly Value[];

/** What the importer adds a hint to: where the graph can be cut before the node. */
export const unsupported = (node: SourceNode, what: string): RelearnError =>
  new RelearnError('invalid', 'onnx_operator', `The ${node.title} ${what}.`);
