/**
 * Batch normalization spelled as statistics and one scale and shift for each channel, which later
 * passes can divide among parts of the batch and write in blocked layout. Variance is
 * E[x²] − E[x]². ONNX Runtime's own kernel knows the whole batch in plain layout only.
 */
import type { GraphBuilder } from '../graph/builder.ts';
import type { Graph, Node, Value } from '../graph/graph.ts';
import { rewrite } from '../graph/rewrite.ts';

export const statisticsOfBatch = (graph: Graph): Graph =>
  rewrite(graph, 'batch_', (b, node) =>
    node.op === 'BatchNormalization' && node.inputs[0]?.shape.length === 4
      ? scaledAndShifted(b, node as Node<'BatchNormalization'>)
      : undefined,
  );

const scaledAndShifted = (
  b: GraphBuilder,
  { inputs, attributes: { epsilon, training } }: Node<'BatchNormalization'>,
): readonly Value[] => {
  const [x, scale, bias, ...given] = inputs as [Value, Value, Value, Value, Value];
  // Rows and columns first, then pictures: several times faster than all at once.
  const meanOf = (value: Value) => {
    const ofPictures = b.apply('ReduceMean', [value], { axes: [2, 3], keepDimensions: false });
    return b.apply('ReduceMean', [ofPictures], { axes: [0], keepDimensions: false });
  };
  const square = (value: Value) => b.apply('Mul', [value, value]);
  const own = (): readonly [Value, Value] => {
    const mean = meanOf(x);
    // Rounding must not make the variance of a constant channel negative.
    return [mean, b.apply('Relu', [b.apply('Sub', [meanOf(square(x)), square(mean)])])];
  };
  const [mean, variance] = training ? own() : (given as [Value, Value]);
  const rate = b.apply('Reciprocal', [
    b.apply('Sqrt', [b.apply('Add', [variance, b.scalar(epsilon)])]),
  ]);
  const factor = b.apply('Mul', [scale, rate]);
  const shift = b.apply('Sub', [bias, b.apply('Mul', [mean, factor])]);
  const y = b.apply('ScaleShift', [x, factor, shift]);
  return training ? [y, mean, variance] : [y];
};
