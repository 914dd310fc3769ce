/** Starts a benchmark anew with the allocator settings that training children get. */
import { spawnSync } from 'node:child_process';
import { trainingEnvironment } from '../src/engine/runtime/training-environment.ts';

/** Returns in the process that has the settings; the one before it waits, then ends. */
export const runInTrainingEnvironment = (): void => {
  const has = Object.entries(trainingEnvironment).every(
    ([name, value]) => process.env[name] === value,
  );
  if (has) return;
  const [, ...argv] = process.argv;
  const { status } = spawnSync(process.execPath, argv, {
    stdio: 'inherit',
    env: { ...process.env, ...trainingEnvironment },
  });
  process.exit(status ?? 1);
};
