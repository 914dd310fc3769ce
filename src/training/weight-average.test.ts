import { describe, expect, it } from 'vitest';
import { createWeightAverage } from './weight-average.ts';

const weights = (value: number) => new Map([['w', Float32Array.of(value)]]);

describe('the average of the weights', () => {
  it('forgets where it started within the first steps', () => {
    const average = createWeightAverage(weights(100), 0.999);
    for (let step = 0; step < 60; step++) average.update(weights(1));
    expect(average.weights().get('w')?.[0]).toBeCloseTo(1, 3);
  });

  it('moves slowly later on', () => {
    const average = createWeightAverage(weights(0), 0.9);
    for (let step = 0; step < 200; step++) average.update(weights(0));
    average.update(weights(1));
    expect(average.weights().get('w')?.[0]).toBeCloseTo(0.1, 5);
  });

  it('hands out copies', () => {
    const average = createWeightAverage(weights(0), 0.5);
    const before = average.weights();
    average.update(weights(1));
    expect(before.get('w')?.[0]).toBe(0);
  });
});
