#!/usr/bin/env node
/** The entrance of the command line: hands the real streams, environment and clock to the program. */
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { systemClock } from '../base/clock.ts';
import type { CliContext } from './context.ts';
import { describeFailure, exitCodes } from './failure.ts';
import { runProgram } from './program.ts';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The second one means it.
    if (interruption.signal.aborted) process.exit(exitCodes.interrupted);
    interruption.abort(new DOMException(signal, 'AbortError'));
  });
}
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // `relearn … | head` closes the pipe early; that is the reader's right.
  if (error.code === 'EPIPE') process.exit(exitCodes.done);
  const named = Object.assign(error, { path: 'The output' });
  const { message, hint } = describeFailure(named, false);
  process.stderr.write(`relearn: ${message}\n  ${hint}\n`);
  process.exit(exitCodes.failed);
});
// Where nobody hears what is said on the way, the work goes on.
process.stderr.on('error', () => {});

const context: CliContext = {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  clock: systemClock,
  signal: interruption.signal,
  version,
  fetch: globalThis.fetch,
  openRelearn: async (options) => (await import('../loop/relearn.ts')).createRelearn(options),
  initStore: async (options) => (await import('../loop/relearn.ts')).initStore(options),
  copyStore: async (options) =>
    (await import('../loop/store/copy-store.ts')).copyStore({ ...options, newId: randomUUID }),
};

process.exitCode = await runProgram(process.argv.slice(2), context);
