/** One weight followed by hand for a few steps, by the formulas of the papers. */
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../graph/builder.ts';
import { toOnnx } from '../onnx/to-onnx.ts';
import { createSession } from '../runtime/session.ts';
import { scalar, type Tensor } from '../tensor/tensor.ts';
import { createOptimizer, type OptimizerSettings } from './optimizers.ts';

const gradients = [0.5, -1.5, 0.25, 1, -0.75, 0.5, 0];
const rate = 0.1;

/** The weight after each step, as the graph computes it. */
const follow = async (
  settings: OptimizerSettings,
  start: number,
  decay = true,
): Promise<number[]> => {
  const optimizer = createOptimizer(settings);
  const b = new GraphBuilder();
  const [weight, gradient] = [b.input('weight', 'float32', []), b.input('gradient', 'float32', [])];
  const state = optimizer.stateNames.map((name) => b.input(name, 'float32', []));
  const hyperparameters = Object.fromEntries(
    Object.keys(optimizer.hyperparameters(1, rate)).map((name) => [
      name,
      b.input(name, 'float32', []),
    ]),
  );
  const next = optimizer.update({
    builder: b,
    weight,
    gradient,
    state,
    hyperparameters,
    decay,
  });
  b.output('next', next.weight);
  next.state.forEach((value, i) => {
    b.output(`next_${optimizer.stateNames[i]}`, value);
  });
  const session = await createSession(toOnnx(b.build()));
  const feeds: Record<string, Tensor> = { weight: scalar(start) };
  for (const name of optimizer.stateNames) feeds[name] = scalar(0);
  const path: number[] = [];
  for (const [index, value] of gradients.entries()) {
    feeds.gradient = scalar(value);
    for (const [name, factor] of Object.entries(optimizer.rescale?.(index + 1) ?? {}))
      feeds[name] = scalar((feeds[name]?.data[0] as number) * factor);
    for (const [name, number] of Object.entries(optimizer.hyperparameters(index + 1, rate)))
      feeds[name] = scalar(number);
    const used = Object.entries(feeds).filter(([name]) => session.inputNames.includes(name));
    const outputs = await session.run(Object.fromEntries(used));
    feeds.weight = outputs.next as Tensor;
    for (const name of optimizer.stateNames) feeds[name] = outputs[`next_${name}`] as Tensor;
    path.push(feeds.weight.data[0] as number);
  }
  await session.close();
  return path;
};

const closeTo = (path: readonly number[]) => path.map((value) => expect.closeTo(value, 5));

describe('SGD with momentum', () => {
  it('adds gradient and decay to the velocity, then steps', async () => {
    let [weight, velocity] = [2, 0];
    const expected = gradients.map((gradient) => {
      velocity = 0.9 * velocity + gradient + 0.01 * weight;
      weight -= rate * velocity;
      return weight;
    });
    const path = await follow({ kind: 'sgd', momentum: 0.9, weightDecay: 0.01 }, 2);
    expect(path).toEqual(closeTo(expected));
  });
});

/** 2⁻¹⁵: the sums of the moments are brought back to a scale of 1 every two steps. */
const fastDecay = 2 ** -15;

describe.each([
  [0, 0.9],
  [0.05, 0.9],
  [0.05, fastDecay],
])('Adam with decoupled decay %s, β₁ %s', (weightDecay, beta1) => {
  const settings = { kind: 'adam', beta1, beta2: 0.999, epsilon: 1e-8, weightDecay } as const;

  it('takes the step of the bias-corrected moments', async () => {
    let [weight, first, second] = [2, 0, 0];
    const expected = gradients.map((gradient, index) => {
      first = beta1 * first + (1 - beta1) * gradient;
      second = 0.999 * second + 0.001 * gradient ** 2;
      const mean = first / (1 - beta1 ** (index + 1));
      const variance = second / (1 - 0.999 ** (index + 1));
      weight -= rate * weightDecay * weight;
      weight -= (rate * mean) / (Math.sqrt(variance) + 1e-8);
      return weight;
    });
    expect(await follow(settings, 2)).toEqual(closeTo(expected));
  });

  it('lets no scale grow beyond 2³⁰', () => {
    const { hyperparameters, rescale } = createOptimizer(settings);
    const steps = Array.from({ length: 1000 }, (_, i) => i + 1);
    for (const step of steps)
      expect(hyperparameters(step, rate).first_growth).toBeLessThanOrEqual(2 ** 30);
    const period = beta1 === 0.9 ? 197 : 2;
    expect(steps.find((step) => rescale?.(step))).toBe(period + 1);
  });
});

it.each<OptimizerSettings>([
  { kind: 'sgd', momentum: 0.9, weightDecay: 0.01 },
  { kind: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.05 },
])('$kind leaves a weight alone that does not decay', async (settings) => {
  const without = await follow({ ...settings, weightDecay: 0 }, 2);
  expect(await follow(settings, 2, false)).toEqual(closeTo(without));
  expect(await follow(settings, 2)).not.toEqual(closeTo(without));
});
