import { expect, it } from 'vitest';
import { makeDirectoryPath } from './durable-directory.ts';

// There Node's own recursive mkdir never ends: the system says "no such folder" of one that is there.
it.runIf(process.platform === 'linux')('ends where a file system makes no folders', async () => {
  for (const path of ['/proc/x', '/proc/x/y', '/proc/self/x'])
    await expect(makeDirectoryPath(path)).rejects.toMatchObject({ code: 'ENOENT' });
});
