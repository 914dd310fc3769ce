import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../base/clock.ts';
import { createRelearn } from '../loop/relearn.ts';
import { runProgram } from './program.ts';

describe('commands that only show something', () => {
  it.each(['status', 'models list', 'models show 1'])(
    '%s says that it waits for a bucket that hangs, and gives it up soon',
    async (line) => {
      const silent = createServer(() => {});
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
      const address = silent.address();
      const port = typeof address === 'object' ? address?.port : 0;
      let stderr = '';
      const began = performance.now();
      const code = await runProgram(
        [...line.split(' '), '--store', `s3://bucket?endpoint=http://127.0.0.1:${port}`],
        {
          stdout: { write: () => {} },
          stderr: { write: (text) => (stderr += text) },
          env: { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' },
          clock: systemClock,
          signal: new AbortController().signal,
          version: '1.2.3',
          fetch,
          openRelearn: createRelearn,
          copyStore: () => Promise.reject(new Error('not asked')),
          initStore: () => Promise.reject(new Error('not asked')),
        },
      );
      silent.close();
      expect(code).toBe(1);
      expect(stderr).toMatch(/^Waiting for the store …\n/);
      expect(performance.now() - began).toBeLessThan(8_000);
    },
  );
});
