/**
 * Finds where a classifier's features end and its last layer begins, by walking back from its
 * answer: over a softmax, over reshapes and biases, to the last product with a weight. A last
 * convolution that is averaged over the picture (SqueezeNet) has the average of its input as
 * features.
 */
import type { Node, Value } from './graph.ts';
import type { OpAttributes } from './ops.ts';

export interface FeatureCut {
  /** The answer before any softmax, [N, classes] or [N, classes, 1, 1]. */
  readonly logits: Value;
  /**
   * What the last layer reads: [N, F], or [N, F, H, W] to be averaged over the picture; with views,
   * [views · N, F].
   */
  readonly features: Value;
  /** How many views of a picture, such as its mirror image, the answer is the mean of. */
  readonly views: number;
}

type Step = (
  node: Node,
  context: { readonly isFixed: (value: Value) => boolean; readonly averaged: boolean },
) => { readonly next: Value } | { readonly features: Value } | undefined;

const back: Step = ({ inputs }) => ({ next: inputs[0] as Value });

/** Past a fixed operand, such as a bias or a temperature. */
const pastFixed: Step = ({ inputs }, { isFixed }) => {
  const [left, right] = inputs as [Value, Value];
  if (isFixed(right)) return { next: left };
  return isFixed(left) ? { next: right } : undefined;
};

/** A product of rows [N, F] with a weight. */
const dense: Step = ({ inputs }, { isFixed }) => {
  const [rows, weight] = inputs as [Value, Value];
  return rows.shape.length === 2 && isFixed(weight) ? { features: rows } : undefined;
};

const steps: { readonly [Op in Node['op']]?: Step } = {
  Reshape: back,
  Add: pastFixed,
  Sub: pastFixed,
  Mul: pastFixed,
  Div: pastFixed,
  Relu: (node, context) => (context.averaged ? back(node, context) : undefined),
  BatchNormalization: (node, context) => (context.averaged ? undefined : back(node, context)),
  ReduceMean: back,
  Gemm: dense,
  MatMul: dense,
  Conv: ({ inputs }, { averaged, isFixed }) => {
    const [x, kernel] = inputs as [Value, Value];
    const onePixel = x.shape[2] === 1 && x.shape[3] === 1;
    const pointwise = kernel.shape[2] === 1 && kernel.shape[3] === 1 && isFixed(kernel);
    const wholeInput = kernel.shape[1] === x.shape[1]; // no groups
    return pointwise && wholeInput && (averaged || onePixel) ? { features: x } : undefined;
  },
};

const probabilities: readonly Node['op'][] = ['Softmax', 'LogSoftmax', 'Sigmoid'];

/**
 * @param fixed weights and constants
 * @returns undefined where the answer is not made by a last layer over features
 */
export const findFeatureCut = (
  nodes: readonly Node[],
  fixed: ReadonlySet<Value>,
  answer: Value,
): FeatureCut | undefined => {
  const producer = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node])));
  const isFixed = (value: Value) => fixed.has(value);
  let logits = answer;
  let value = answer;
  let averaged = false;
  let views = 1;
  for (;;) {
    const node = producer.get(value);
    if (!node) return undefined;
    if (probabilities.includes(node.op)) {
      logits = value = node.inputs[0] as Value;
      continue;
    }
    if (node.op === 'ReduceMean') {
      const [x] = node.inputs as [Value];
      // Over [views, N, classes], as Relearn's own models answer; else over rows and columns.
      const { axes } = node.attributes as OpAttributes['ReduceMean'];
      if (x.shape.length === 3 && axes.join() === '0') views = x.shape[0] as number;
      else averaged = true;
    }
    const step = steps[node.op]?.(node, { isFixed, averaged });
    if (!step) return undefined;
    if ('features' in step) {
      const { features } = step;
      const fits = features.shape[0] === views * (answer.shape[0] as number);
      return fits ? { logits, features, views } : undefined;
    }
    value = step.next;
  }
};
