/**
 * Multinomial logistic regression on all examples at once as one graph: from features, targets and
 * a linear head to the loss, its gradients and the logits. Features are standardized inside the
 * head, so that one matrix in memory serves every head tried on it: with μ and σ of each feature,
 * ((x − μ) / σ)·wᵀ + c = x·(w / σ)ᵀ + (c − (w / σ)·μ).
 */
import { differentiate } from '../autodiff/differentiate.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Graph } from '../graph/graph.ts';
import { simplify } from '../graph/simplify.ts';
import { softmaxCrossEntropy } from './losses.ts';

export interface HeadGraphOptions {
  readonly examples: number;
  readonly features: number;
  readonly classes: number;
}

/**
 * Inputs: `features` [N,F]; `targets` [N,K], one-hot rows times the example's weight (0 = only
 * looked at), weights adding up to N; `mean` and `inverse_deviation` [F]; `kernel` [K,F] and `bias`
 * [K] in standardized units; `penalty`, the weight of half the kernel's squared norm. Outputs:
 * `loss`, `gradient/kernel`, `gradient/bias`, `logits` [N,K].
 */
export const buildHeadGraph = ({ examples, features, classes }: HeadGraphOptions): Graph => {
  const b = new GraphBuilder();
  const x = b.input('features', 'float32', [examples, features]);
  const targets = b.input('targets', 'float32', [examples, classes]);
  const mean = b.input('mean', 'float32', [features]);
  const inverseDeviation = b.input('inverse_deviation', 'float32', [features]);
  const kernel = b.input('kernel', 'float32', [classes, features]);
  const bias = b.input('bias', 'float32', [classes]);
  const penalty = b.input('penalty', 'float32', []);

  const scaled = b.apply('Mul', [kernel, inverseDeviation]);
  const atMean = b.apply('ReduceSum', [b.apply('Mul', [scaled, mean])], {
    axes: [1],
    keepDimensions: false,
  });
  const logits = b.apply('Gemm', [x, scaled, b.apply('Sub', [bias, atMean])], {
    transA: false,
    transB: true,
    alpha: 1,
    beta: 1,
  });
  const squares = b.apply('ReduceSum', [b.apply('Mul', [kernel, kernel])], {
    axes: [0, 1],
    keepDimensions: false,
  });
  const loss = b.apply('Add', [
    softmaxCrossEntropy(b, logits, targets),
    b.apply('Mul', [b.apply('Mul', [squares, penalty]), b.scalar(0.5)]),
  ]);
  const [kernelGradient, biasGradient] = differentiate(b, loss, [kernel, bias]);
  b.output('loss', loss);
  b.output('gradient/kernel', kernelGradient as typeof kernel);
  b.output('gradient/bias', biasGradient as typeof bias);
  b.output('logits', logits);
  return simplify(b.build());
};
