import { expect, test } from 'vitest';
import { planTraining } from './training-plan.ts';

const recipe = { batchSize: 64, epochs: 40, learningRate: 0.003 };
const options = { seed: 1 };

test('as many passes as the recipe says for 8,000 pictures', () => {
  expect(planTraining(recipe, options, 8_000)).toEqual({
    batchSize: 64,
    stepsPerEpoch: 125,
    stepsPerRound: 125,
    rounds: 40,
    steps: 5_000,
    peakRate: 0.003,
    patience: 5,
    patienceFrom: 20,
  });
});

test('a 16th of the pictures is shown twice as often, in rounds that are not too short', () => {
  const { stepsPerEpoch, stepsPerRound, rounds } = planTraining(recipe, options, 500);
  expect({ stepsPerEpoch, stepsPerRound, rounds }).toEqual({
    stepsPerEpoch: 8,
    stepsPerRound: 20,
    rounds: 31,
  });
});

test('fewer pictures than a batch make smaller batches', () => {
  expect(planTraining(recipe, options, 10)).toMatchObject({ batchSize: 10, stepsPerEpoch: 1 });
});

test('what was asked for counts', () => {
  const asked = { ...options, batchSize: 16, rounds: 3, steps: 7, patience: 2, learningRate: 1 };
  expect(planTraining(recipe, asked, 8_000)).toMatchObject({
    batchSize: 16,
    stepsPerRound: 7,
    rounds: 3,
    steps: 21,
    peakRate: 1,
    patience: 2,
    patienceFrom: 0,
  });
});

test('smaller batches take more steps over the same pictures', () => {
  expect(planTraining(recipe, { ...options, batchSize: 32 }, 8_000)).toMatchObject({
    stepsPerRound: 250,
    rounds: 40,
  });
});
