import { expect, it } from 'vitest';
import { minimize } from './lbfgs.ts';

/** Σ c·(x − t)², with curvatures from 1 to 1,000. */
const bowl = (target: readonly number[]) => async (point: Float32Array) => {
  let value = 0;
  const gradient = point.map((x, i) => {
    const curvature = 10 ** (i % 4);
    const away = x - (target[i] as number);
    value += curvature * away * away;
    return 2 * curvature * away;
  });
  return { value, gradient };
};

it('finds the minimum of a badly conditioned bowl in a few dozen evaluations', async () => {
  const target = Array.from({ length: 12 }, (_, i) => Math.sin(i));
  const options = { maxEvaluations: 100, tolerance: 1e-7 };
  const { point, evaluations } = await minimize(bowl(target), new Float32Array(12), options);
  expect([...point]).toEqual(target.map((value) => expect.closeTo(value, 2)));
  expect(evaluations).toBeLessThan(80);
});

it('stops where it stands when it may not go on, or has nowhere to go', async () => {
  const start = Float32Array.of(3, 4);
  const once = await minimize(bowl([0, 0]), start, { maxEvaluations: 1, tolerance: 0 });
  expect(once).toMatchObject({ evaluations: 1, value: 9 + 160 });
  const flat = async (point: Float32Array) => ({ value: 1, gradient: point.map(() => 0) });
  expect((await minimize(flat, start, { maxEvaluations: 9, tolerance: 0 })).point).toBe(start);
});
