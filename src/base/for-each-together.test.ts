import { expect, it } from 'vitest';
import { forEachTogether } from './for-each-together.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function* numbers(end: number, failure?: Error) {
  for (let n = 0; n < end; n++) {
    await turn();
    yield n;
  }
  await turn();
  if (failure) throw failure;
}

it('does all, a few at a time', async () => {
  let running = 0;
  let most = 0;
  const done: number[] = [];
  await forEachTogether(numbers(20), 4, async (n) => {
    most = Math.max(most, ++running);
    for (let turns = 0; turns < 6; turns++) await turn();
    running--;
    done.push(n);
  });
  expect(done.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n));
  expect(most).toBe(4);
});

it.each([1, 2, 4, 16])('says so when the stream fails, with %i at once', async (together) => {
  let running = 0;
  const work = async () => {
    running++;
    await turn();
    running--;
  };
  const failing = numbers(7, new Error('the list broke off'));
  await expect(forEachTogether(failing, together, work)).rejects.toThrow('the list broke off');
  expect(running).toBe(0);
});

it('stops at the first item that fails', async () => {
  const begun: number[] = [];
  const work = async (n: number) => {
    begun.push(n);
    if (n === 3) throw new Error('three');
  };
  await expect(forEachTogether(numbers(100), 2, work)).rejects.toThrow('three');
  expect(begun.length).toBeLessThan(10);
});
