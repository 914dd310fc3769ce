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
  /** Adds addend + factor·x, the factor one of the hyperparameters; default: as two operators. */
  readonly addScaled?: AddScaled;
}

export type AddScaled = (addend: Value, x: Value, factor: Value) => Value;

export interface Update {
  readonly weight: Value;
  readonly state: readonly Value[];
}

export interface Optimizer {
  /** Names of the state tensors each weight has; they start at zero. */
  readonly stateNames: readonly string[];
  /**
   * The scalar inputs of step `step` (from 1) at a learning rate. Every update needs `rate`, which
   * is below zero: what is added to a weight for each unit of its direction.
   */
  hyperparameters(
    step: number,
    learningRate: number,
  ): { readonly rate: number } & Readonly<Record<string, number>>;
  /** What states must be multiplied with before this step, by name; undefined = nothing. */
  rescale?(step: number): Readonly<Record<string, number>> | undefined;
  update(context: UpdateContext): Update;
}

type SettingsOf<Kind> = Extract<OptimizerSettings, { kind: Kind }>;

const asTwo =
  (b: GraphBuilder): AddScaled =>
  (addend, x, factor) =>
    b.apply('Add', [addend, b.apply('Mul', [x, factor])]);

/** SGD with momentum as PyTorch writes it: v ← μ·v + g + λ·w; w ← w − rate·v. */
const sgd = ({ momentum, weightDecay }: SettingsOf<'sgd'>): Optimizer => ({
  stateNames: ['momentum'],
  hyperparameters: (_, learningRate) => ({ rate: -learningRate }),
  update: ({ builder: b, weight, gradient, state, hyperparameters, decay, addScaled }) => {
    const penalized =
      decay && weightDecay > 0
        ? b.apply('Add', [gradient, b.apply('Mul', [weight, b.scalar(weightDecay)])])
        : gradient;
    const kept = b.apply('Mul', [state[0] as Value, b.scalar(momentum)]);
    const velocity = b.apply('Add', [kept, penalized]);
    const add = addScaled ?? asTwo(b);
    return { weight: add(weight, velocity, hyperparameters.rate as Value), state: [velocity] };
  },
});

/** How large the scale of Adam's sums may grow, as a power of two. */
const mostGrowth = 30;

/**
 * Adam (Kingma and Ba 2015) and AdamW. The state holds Σ β₁⁻ⁱgᵢ and Σ β₂⁻ⁱgᵢ²: the paper's moments
 * with a growing scale instead of shrinking sums, so that a step only adds to them, which is one
 * pass over all weights where operators can do it in place. The scale and what else is alike for
 * all weights, 1 − β and the bias corrections 1 − βᵗ, are folded into the scalars: the step equals
 * the paper's m̂ / (√v̂ + ε). Before the scale becomes too large, the sums are brought back.
 */
const adam = ({ beta1, beta2, epsilon, weightDecay }: SettingsOf<'adam'>): Optimizer => {
  const slowest = -Math.log2(Math.min(beta1, beta2));
  /** Steps from one scale of 1 to the next. */
  const period = Math.max(1, Math.floor(mostGrowth / slowest));
  return {
    stateNames: ['grown_first', 'grown_second'],
    hyperparameters: (step, learningRate) => {
      const first = (1 - beta1) / (1 - beta1 ** step);
      const second = Math.sqrt((1 - beta2) / (1 - beta2 ** step));
      const grown = ((step - 1) % period) + 1;
      const [firstGrowth, secondGrowth] = [beta1 ** -grown, beta2 ** -grown];
      const root = Math.sqrt(secondGrowth);
      return {
        rate: (-learningRate * first * root) / (second * firstGrowth),
        floor: (epsilon * root) / second,
        shrink: 1 - learningRate * weightDecay,
        first_growth: firstGrowth,
        second_growth: secondGrowth,
      };
    },
    rescale: (step) =>
      step > 1 && (step - 1) % period === 0
        ? { grown_first: beta1 ** period, grown_second: beta2 ** period }
        : undefined,
    update: ({ builder: b, weight, gradient, state, hyperparameters, decay, addScaled }) => {
      const add = addScaled ?? asTwo(b);
      const number = (name: string) => hyperparameters[name] as Value;
      const first = add(state[0] as Value, gradient, number('first_growth'));
      const squared = b.apply('Mul', [gradient, gradient]);
      const second = add(state[1] as Value, squared, number('second_growth'));
      const scale = b.apply('Add', [b.apply('Sqrt', [second]), number('floor')]);
      const shrunk = decay && weightDecay > 0 ? b.apply('Mul', [weight, number('shrink')]) : weight;
      const direction = b.apply('Div', [first, scale]);
      return { weight: add(shrunk, direction, number('rate')), state: [first, second] };
    },
  };
};

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
