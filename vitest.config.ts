import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { trainingEnvironment } from './src/engine/runtime/training-environment.ts';

/** Where `.ci/run` collects a report of every run, to count the tests of all of them. */
const reports = process.env.RELEARN_TEST_REPORTS;

/**
 * Long suites that wait for leases to run out and for limits on real time, and compute next to
 * nothing: they run beside each other, and never beside those that take the whole machine.
 */
const waiting = [
  'hanging-storage',
  'lost-answers',
  'odd-storage',
  'paused-trainer',
  'three-hosts',
].map((name) => `test/slow/${name}.test.ts`);

// Unit tests train in their own process, which gets what training processes are given: fresh pages
// from the kernel took a quarter of their time. The built program, in the other projects, does not.
if (process.argv.includes('unit')) Object.assign(process.env, trainingEnvironment);

/** Milliseconds. */
const long = { testTimeout: 900_000, hookTimeout: 900_000 };

export default defineConfig({
  test: {
    ...(reports
      ? { reporters: ['default', 'json'], outputFile: { json: `${reports}/${process.pid}.json` } }
      : {}),
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/architecture.test.ts'],
          // Against what hangs; on a busy machine the heaviest took twenty seconds in place of two.
          testTimeout: 120_000,
          // A second, which is what Vitest waits, is short on a busy machine.
          expect: { poll: { timeout: 10_000 } },
          // Loading the sources again for every file cost a quarter of the time. Every core, for
          // Vitest would leave one of them alone.
          isolate: false,
          maxWorkers: availableParallelism(),
        },
      },
      {
        // These start the built program; `npm test` builds it first.
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // Longer suites that `.ci/run` runs after the README's test command.
        test: {
          name: 'waiting',
          include: waiting,
          ...long,
          maxWorkers: waiting.length,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'slow',
          include: ['test/slow/**/*.test.ts'],
          exclude: waiting,
          ...long,
          maxWorkers: 2,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
