/** The examples run as their README says, and the whole loop ends in a better champion. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Rejects where the example exits with anything but 0. */
const runExample = async (name: string): Promise<string> => {
  const args = ['scripts/run-typescript.mjs', `examples/${name}.ts`];
  return (await promisify(execFile)(process.execPath, args, { cwd: root })).stdout;
};

it('01-whole-loop promotes a second version', async () => {
  expect(await runExample('01-whole-loop')).toContain("verdict: 'promote'");
});

it('03-own-store counts what feedback costs', async () => {
  const output = await runExample('03-own-store');
  expect(output).toMatch(/the first time: accepted .*putIfAbsent: 1/);
  expect(output).toMatch(/the second time: duplicate (?!.*putIfAbsent)/);
});

it('04-inspect-gradient-graph prints both gradients', async () => {
  const output = await runExample('04-inspect-gradient-graph');
  expect(output).toContain('output gradient of weight = ');
  expect(output).toContain('output gradient of bias = ');
});
