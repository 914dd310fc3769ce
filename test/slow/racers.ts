/** Processes of race-worker.ts as a test commands them. */
import type { ChildProcess } from 'node:child_process';
import { expect } from 'vitest';
import type { RaceAnswer, RaceOrder } from './race-worker.ts';

const answerOf = (child: ChildProcess): Promise<RaceAnswer> =>
  new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`a racer ended with ${code}`));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message as RaceAnswer);
    });
  });

/** Resolves when all of them are ready. */
export const untilReady = (racers: readonly ChildProcess[]): Promise<RaceAnswer[]> =>
  Promise.all(racers.map(answerOf));

/** Sent to all in one turn. */
export const tellAll = (racers: readonly ChildProcess[], order: RaceOrder): Promise<RaceAnswer[]> =>
  Promise.all(
    racers.map((racer) => {
      const answered = answerOf(racer);
      racer.send(order);
      return answered;
    }),
  );

/** Each time one of them gets the lease, under a number never used before. */
export const raceForLease = async (
  racers: readonly ChildProcess[],
  rounds: number,
): Promise<void> => {
  const epochs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const winners = (await tellAll(racers, { lease: 'take' })).filter(({ won }) => won);
    expect(winners).toHaveLength(1);
    epochs.push(winners[0]?.epoch ?? 0);
    await tellAll(racers, { lease: 'give' });
  }
  expect(epochs).toEqual([...new Set(epochs)].sort((a, b) => a - b));
};
