/** How one operator is computed on known numbers. */
import type { Shape } from '../../tensor/shape.ts';
import type { Literal } from '../literal.ts';
import { damaged } from '../node-shapes.ts';
import type { SourceNode } from '../onnx-node.ts';

/** An operator's inputs; those that were left out are undefined. */
type Inputs = readonly (Literal | undefined)[];
export type Fold = (inputs: Inputs, node: SourceNode) => Literal | readonly Literal[];

export const at = (inputs: Inputs, index: number, node: SourceNode): Literal => {
  const input = inputs[index];
  if (input === undefined) throw damaged(node, `lacks its input ${index}`);
  return input;
};

export const reshaped = (x: Literal, shape: Shape): Literal => ({ ...x, shape });
