import { describe, expect, it } from 'vitest';
import { createRandom } from './random.ts';

const draws = (seed: number, count: number): number[] => {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => random.next());
};

describe('seeded randomness', () => {
  it('repeats itself for a seed', () => {
    expect(draws(5, 20)).toEqual(draws(5, 20));
  });

  it('spreads the first draws of neighbouring seeds evenly over 0..1', () => {
    const first = Array.from({ length: 1000 }, (_, seed) => draws(seed, 1)[0] as number);
    for (let bin = 0; bin < 10; bin++) {
      const share = first.filter((value) => Math.floor(value * 10) === bin).length;
      expect(share).toBeGreaterThan(60);
      expect(share).toBeLessThan(140);
    }
  });

  it('has neighbouring seeds draw unrelated numbers', () => {
    const [a, b] = [draws(1, 2000), draws(2, 2000)];
    const covariance =
      a.reduce((sum, x, i) => sum + (x - 0.5) * ((b[i] as number) - 0.5), 0) / 2000;
    expect(Math.abs(covariance * 12)).toBeLessThan(0.08);
  });

  it('draws normal numbers with mean 0 and variance 1', () => {
    const random = createRandom(3);
    const values = Array.from({ length: 5000 }, () => random.normal());
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.05);
    expect(Math.abs(variance - 1)).toBeLessThan(0.08);
  });

  it('forks by name, whatever was drawn before', () => {
    const random = createRandom(9);
    const before = random.fork('a').next();
    random.next();
    expect(random.fork('a').next()).toBe(before);
    expect(random.fork('b').next()).not.toBe(before);
  });

  it('shuffles without losing anything', () => {
    const items = Array.from({ length: 50 }, (_, i) => i);
    const shuffled = createRandom(1).shuffle([...items]);
    expect(shuffled).not.toEqual(items);
    expect([...shuffled].sort((a, b) => a - b)).toEqual(items);
  });
});
