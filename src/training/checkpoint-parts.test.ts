import { describe, expect, test } from 'vitest';
import { joinState, packTensors, separateState, unpackTensors } from './checkpoint-parts.ts';
import type { TrainingState } from './training-state.ts';

const weights = (...values: number[]) => new Map([['w', Float32Array.from(values)]]);

const state: TrainingState = {
  session: {
    step: 7,
    tensors: new Map([
      ['w', Float32Array.of(1, 2, 3)],
      ['adam/w', Float32Array.of(0.5)],
    ]),
  },
  average: { updates: 7, weights: weights(1.5, 2.5, 3.5) },
  best: weights(-1, -2, -3),
  curve: [],
  stopping: { bestAccuracy: null, lowestLoss: 0.1 + 0.2, roundsLeft: 4 },
  meter: { steps: 2, pictures: 8, lossSum: 1 / 3, right: 5, nearlyRight: 8 },
  rateFactor: 1,
  start: 'scratch',
  race: null,
  seconds: 12.25,
  trainingSeconds: 10,
};

async function* inOrder(parts: readonly Uint8Array[]) {
  yield* parts;
}

describe('a state taken apart and put together', () => {
  test.each([4, 5, 12, 1000])('is the same from parts of %d bytes', async (partBytes) => {
    const { figures, tensors } = separateState(state);
    const parts = [...packTensors(tensors, partBytes)];
    expect(parts.every(({ length }) => length <= partBytes)).toBe(true);
    const places = tensors.map(([name, { length }]) => ({ name, length }));
    const read = await unpackTensors(places, inOrder(parts));
    const throughJson = JSON.parse(JSON.stringify(figures));
    expect(joinState({ figures: throughJson, tensors: read })).toEqual(state);
  });

  test('says so where bytes are missing or left over', async () => {
    const parts = [new Uint8Array(8)];
    const place = (length: number) => [{ name: 'w', length }];
    await expect(unpackTensors(place(3), inOrder(parts))).rejects.toThrow('fewer bytes');
    await expect(unpackTensors(place(1), inOrder(parts))).rejects.toThrow('more bytes');
  });

  test('keeps a state without an average', () => {
    const without = { ...state, average: null };
    expect(joinState(separateState(without))).toEqual(without);
  });
});
