import { expect, it } from 'vitest';
import { takeTurns } from './take-turns.ts';

it('runs so much at once, in order, and goes on after a failure', async () => {
  const inTurn = takeTurns(2);
  const began: number[] = [];
  const ends: (() => void)[] = [];
  const works = [0, 1, 2, 3].map((at) =>
    inTurn(async () => {
      began.push(at);
      await new Promise<void>((resolve) => ends.push(resolve));
      if (at === 0) throw new Error('the first one fails');
      return at;
    }),
  );
  const results = Promise.allSettled(works);
  expect(began).toEqual([0, 1]);
  ends[0]?.();
  await expect.poll(() => began).toEqual([0, 1, 2]);
  ends[1]?.();
  await expect.poll(() => began).toEqual([0, 1, 2, 3]);
  for (const end of ends) end();
  expect((await results).map((result) => result.status)).toEqual([
    'rejected',
    'fulfilled',
    'fulfilled',
    'fulfilled',
  ]);
  expect(await inTurn(async () => 4)).toBe(4);
});
