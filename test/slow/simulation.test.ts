/** The seeded simulation of many processes over one store, in the size that every change must pass. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What the command printed, and how it ended. */
const simulate = (...options: string[]) =>
  new Promise<{ readonly output: string; readonly code: number | string }>((resolve) => {
    const program = ['scripts/run-typescript.mjs', 'test/simulation/main.ts', ...options];
    const limits = { cwd: root, maxBuffer: 64 * 1024 ** 2 };
    execFile(process.execPath, program, limits, (error, stdout, stderr) =>
      resolve({ output: `${stdout}${stderr}`, code: error?.code ?? 0 }),
    );
  });

it('holds every invariant in 10,000 seeds, and meets every fault', async () => {
  const { output, code } = await simulate('--seeds', '10000');
  console.log(output);
  expect(output).toMatch(/^10000 seeds in [\d.]+ s: \d+ events, \d+ faults, 0 broken$/m);
  expect(code).toBe(0);
});

it('finds each of thirteen planted bugs within its number of seeds', async () => {
  const { output, code } = await simulate('--planted');
  console.log(output);
  expect(output.match(/: found after \d+ of at most \d+ seeds/g)).toHaveLength(13);
  expect(code).toBe(0);
});

it.each([3, 543])('replays seed %i to the same trace, also in another process', async (seed) => {
  const runs = [await simulate('--seed', String(seed)), await simulate('--seed', String(seed))];
  const [hash, again] = runs.map(({ output }) => /trace ([0-9a-f]{64})$/m.exec(output)?.[1]);
  expect(hash).toBeDefined();
  expect(again).toBe(hash);
  expect(runs.map(({ code }) => code)).toEqual([0, 0]);
});
