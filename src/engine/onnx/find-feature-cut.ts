/**
 * Finds where a classifier's features end and its last layer begins, by walking back from its
 * answer: over a softmax, over reshapes and biases, to the last product with a weight. A last
 * convolution that is averaged over the picture (SqueezeNet) has the average of its input as
 * features, one that sees all of it at once has all its pixels. Where more than one layer makes the
 * answer, what each of them reads is a feature.
 */

import type { Node, Value } from '../graph/graph.ts';
import type { OpAttributes } from '../graph/ops.ts';
import { findHeadInputs } from './find-head-inputs.ts';

export interface FeatureCut {
  /** The answer before any softmax, [N, classes] or [N, classes, 1, 1]. */
  readonly logits: Value;
  /**
   * What the last layers read, each once: [N, F], or [N, F, H, W] and [N, T, F] to be averaged over
   * pixels and tokens; with views, [views · N, F].
   */
  readonly features: readonly Value[];
  /** Whether the last layer weighs each pixel by itself, so that none is averaged away. */
  readonly wholePicture: boolean;
  /** How many views of a picture, such as its mirror image, the answer is the mean of. */
  readonly views: number;
}

type Step = (
  node: Node,
  context: { readonly isFixed: (value: Value) => boolean; readonly averaged: boolean },
) =>
  | { readonly next: Value }
  | { readonly features: Value; readonly wholePicture?: boolean }
  | undefined;

const back: Step = ({ inputs }) => ({ next: inputs[0] as Value });

/** Past a fixed operand, such as a bias or a temperature. */
const pastFixed: Step = ({ inputs }, { isFixed }) => {
  const [left, right] = inputs as [Value, Value];
  if (isFixed(right)) return { next: left };
  return isFixed(left) ? { next: right } : undefined;
};

/** A product of rows [N, F] with a weight; of tokens [N, T, F] where they are averaged, or one. */
const dense: Step = ({ inputs }, { averaged, isFixed }) => {
  const [rows, weight] = inputs as [Value, Value];
  const { shape } = rows;
  const isToken = shape.length === 3 && (averaged || shape[1] === 1);
  return (shape.length === 2 || isToken) && isFixed(weight) ? { features: rows } : undefined;
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
  ReduceMax: back,
  Gemm: dense,
  MatMul: dense,
  FusedMatMul: dense,
  Conv: ({ inputs, outputs }, { averaged, isFixed }) => {
    const [x, kernel] = inputs as [Value, Value];
    const extents = (value: Value | undefined) => String(value?.shape.slice(2));
    // No groups, no picture's own kernel.
    if (kernel.shape[1] !== x.shape[1] || !isFixed(kernel)) return undefined;
    const pointwise = extents(kernel) === '1,1';
    if (pointwise && (averaged || extents(x) === '1,1')) return { features: x };
    const isAll = extents(kernel) === extents(x) && extents(outputs[0]) === '1,1';
    return isAll ? { features: x, wholePicture: true } : undefined;
  },
};

const probabilities: readonly Node['op'][] = ['Softmax', 'LogSoftmax', 'Sigmoid'];

/**
 * @param isFixed whether a value is the same for all pictures
 * @returns undefined where the answer is not made by a last layer over features
 */
export const findFeatureCut = (
  nodes: readonly Node[],
  isFixed: (value: Value) => boolean,
  answer: Value,
): FeatureCut | undefined => {
  const producer = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node])));
  const ofSeveral = (): FeatureCut | undefined => {
    const features = findHeadInputs(producer, isFixed, logits);
    return features && { logits, features, wholePicture: false, views: 1 };
  };
  let logits = answer;
  let value = answer;
  let averaged = false;
  let views = 1;
  for (;;) {
    const node = producer.get(value);
    if (!node) return ofSeveral();
    if (probabilities.includes(node.op)) {
      logits = value = node.inputs[0] as Value;
      continue;
    }
    if (node.op === 'ReduceMean' || node.op === 'ReduceMax') {
      const [x] = node.inputs as [Value];
      // Over [views, N, classes], as Relearn's own models answer; else over pixels or tokens.
      const { axes } = node.attributes as OpAttributes['ReduceMean'];
      const isOverViews = x.shape.length === 3 && axes.join() === '0';
      if (isOverViews && node.op === 'ReduceMean') views = x.shape[0] as number;
      else averaged = true;
    }
    const step = steps[node.op]?.(node, { isFixed, averaged });
    if (!step) return ofSeveral();
    if ('features' in step) {
      const { features, wholePicture = false } = step;
      const fits = features.shape[0] === views * (answer.shape[0] as number);
      return fits ? { logits, features: [features], wholePicture, views } : ofSeveral();
    }
    value = step.next;
  }
};
