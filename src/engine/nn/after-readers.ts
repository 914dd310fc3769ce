/**
 * Order between nodes that share memory. A training session gives each weight's array as input and
 * takes the next weight into the same array, so nothing may read a weight after its update. ONNX
 * knows no order but that of data: the learning rate, which every update needs, is made to depend
 * on everything that reads a weight before.
 */
import type { GraphBuilder } from '../graph/builder.ts';
import { dependents } from '../graph/dependents.ts';
import type { Node, Value } from '../graph/graph.ts';

/** @returns `value`, known only after every node built so far that reads one of `weights` has run */
export const afterReaders = (b: GraphBuilder, value: Value, weights: readonly Value[]): Value =>
  [...new Set(lastReaders(b, weights).map((output) => sumWith(b, output)))].reduce(
    (sum, output) => {
      const nothing = b.apply('Slice', [output], { starts: [0], ends: [0], axes: [0], steps: [1] });
      // The sum of no elements: an exact 0, whatever the output holds.
      const zero = b.apply('ReduceSum', [nothing], {
        axes: output.shape.map((_, axis) => axis),
        keepDimensions: false,
      });
      return b.apply('Add', [sum, zero]);
    },
    value,
  );

/** The sum that reads a value, or the value: nobody else then reads what a later pass may fuse. */
const sumWith = ({ nodes }: GraphBuilder, value: Value): Value =>
  nodes.find(({ op, inputs }) => op === 'Add' && inputs.includes(value))?.outputs[0] ?? value;

/**
 * First outputs of those readers that no other reader comes after. What is made of weights alone,
 * like a transposed kernel, still counts as the weight: later passes may take it out and read the
 * weight itself.
 */
const lastReaders = (b: GraphBuilder, weights: readonly Value[]): readonly Value[] => {
  const { nodes, inputs } = b.build();
  const fromBatch = dependents(nodes, inputs);
  const fromWeights = dependents(nodes, weights);
  const isReader = ({ inputs: read, outputs }: Node) =>
    fromBatch.has(outputs[0] as Value) &&
    read.some((value) => fromWeights.has(value) && !fromBatch.has(value));
  const before = new Set<Value>();
  const last: Value[] = [];
  for (const node of [...nodes].reverse()) {
    const covered = node.outputs.some((output) => before.has(output));
    const reads = isReader(node);
    if (reads && !covered) last.push(node.outputs[0] as Value);
    if (reads || covered) for (const value of node.inputs) before.add(value);
  }
  return last;
};
