import { defineConfig } from 'vitest/config';

/** Where `.ci/run` collects a report of every run, to count the tests of all of them. */
const reports = process.env.RELEARN_TEST_REPORTS;

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
          testTimeout: 20_000,
        },
      },
      {
        // These start the built program; `npm test` builds it first.
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        // Longer suites that `.ci/run` runs after the README's test command.
        test: {
          name: 'slow',
          include: ['test/slow/**/*.test.ts'],
          testTimeout: 900_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
