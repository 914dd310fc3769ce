/**
 * Optimizers as graph nodes: from a weight, its gradient and its state to the next weight and
 * state. Numbers that change from step to step come in as scalar inputs (`hyperparameters`), so
 * that one compiled graph serves the whole run.
 */
import type { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';

export type OptimizerSettings =
  | { readonly kind: 'sgd'; readonly momentum: number; readonly weightDecay: number }
  | {
      readonly kind: 'adam';
      readonly beta1: number;
      readonly beta2: number;
      readonly epsilon: number;
      /** Decoupled from the gradient (AdamW, Loshchilov and Hutter 2019); 0 is plain Adam. */
      readonly weightDecay: number;
    };

export interface UpdateContext {
  readonly builder: GraphBuilder;
  readonly weight: Value;
  readonly gradient: Value;
  readonly state: readonly Value[];
  readonly hyperparameters: Readonly<Record<string, Value>>;
  readonly decay: boolean;
}

export interface Update {
  readonly weight: Value;
  readonly state: readonly Value[];
}

export interface Optimizer {
  /** Names of the state tensors each weight has; they start at zero. */
  readonly stateNames: readonly string[];
  /** The scalar inputs of step `step` (from 1) at a learning rate; every update needs `rate`. */
  hyperparameters(
    step: number,
    learningRate: number,
  ): { readonly rate: number } & Readonly<Record<string, number>>;
  update(context: UpdateContext): Update;
}

type SettingsOf<Kind> = Extract<OptimizerSettings, { kind: Kind }>;

/** SGD with momentum as PyTorch writes it: v ← μ·v + g + λ·w; w ← w − rate·v. */
const sgd = ({ momentum, weightDecay }: SettingsOf<'sgd'>): Optimizer => ({
  stateNames: ['momentum'],
  hyperparameters: (_, learningRate) => ({ rate: learningRate }),
  update: ({ builder: b, weight, gradient, state, hyperparameters, decay }) => {
    const penalized =
      decay && weightDecay > 0
        ? b.apply('Add', [gradient, b.apply('Mul', [weight, b.scalar(weightDecay)])])
        : gradient;
    const kept = b.apply('Mul', [state[0] as Value, b.scalar(momentum)]);
    const velocity = b.apply('Add', [kept, penalized]);
    const step = b.apply('Mul', [velocity, hyperparameters.rate as Value]);
    return { weight: b.apply('Sub', [weight, step]), state: [velocity] };
  },
});

/**
 * Adam (Kingma and Ba 2015) and AdamW. The state holds Σ β₁ⁱg and Σ β₂ⁱg², the paper's moments
 * divided by 1 − β, which saves a pass over all weights for each; those factors and the bias
 * corrections 1 − βᵗ are folded into the two scalars: the step equals the paper's m̂ / (√v̂ + ε).
 */
const adam = ({ beta1, beta2, epsilon, weightDecay }: SettingsOf<'adam'>): Optimizer => ({
  stateNames: ['first_sum', 'second_sum'],
  hyperparameters: (step, learningRate) => {
    const first = (1 - beta1) / (1 - beta1 ** step);
    const second = Math.sqrt((1 - beta2) / (1 - beta2 ** step));
    return {
      rate: (learningRate * first) / second,
      floor: epsilon / second,
      shrink: 1 - learningRate * weightDecay,
    };
  },
  update: ({ builder: b, weight, gradient, state, hyperparameters, decay }) => {
    const accumulate = (sum: Value, beta: number, fresh: Value) =>
      b.apply('Add', [b.apply('Mul', [sum, b.scalar(beta)]), fresh]);
    const first = accumulate(state[0] as Value, beta1, gradient);
    const second = accumulate(state[1] as Value, beta2, b.apply('Mul', [gradient, gradient]));
    const scale = b.apply('Add', [b.apply('Sqrt', [second]), hyperparameters.floor as Value]);
    const step = b.apply('Mul', [b.apply('Div', [first, scale]), hyperparameters.rate as Value]);
    const shrunk =
      decay && weightDecay > 0 ? b.apply('Mul', [weight, hyperparameters.shrink as Value]) : weight;
    return { weight: b.apply('Sub', [shrunk, step]), state: [first, second] };
  },
});

/** The hyperparameters of a weight that learns at `factor` times the learning rate. */
export const atRate = (
  b: GraphBuilder,
  hyperparameters: Readonly<Record<string, Value>>,
  factor: number,
): Readonly<Record<string, Value>> => {
  const { rate, shrink } = hyperparameters;
  if (factor === 1 || !rate) return hyperparameters;
  const scaled = (value: Value) => b.apply('Mul', [value, b.scalar(factor)]);
  return {
    ...hyperparameters,
    rate: scaled(rate),
    // 1 − factor · (1 − shrink)
    ...(shrink ? { shrink: b.apply('Add', [scaled(shrink), b.scalar(1 - factor)]) } : {}),
  };
};

export const createOptimizer = (settings: OptimizerSettings): Optimizer =>
  settings.kind === 'sgd' ? sgd(settings) : adam(settings);
