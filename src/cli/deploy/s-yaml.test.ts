/** `deploy/s.yaml` against the component's published schema, closed, where that lies beside the checkout. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { sharedData } from '../../../test/shared-data.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const file = join(root, 'deploy/s.yaml');
const checker = sharedData && join(sharedData, '../tools/s-yaml-strict.mjs');

const check = (path: string): Promise<{ readonly ok: boolean; readonly output: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, [checker ?? '', path], { cwd: root }, (error, stdout, stderr) =>
      resolve({ ok: error === null, output: stdout + stderr }),
    );
  });

describe.skipIf(!checker || !existsSync(checker))(
  `deploy/s.yaml and the schema of fc3${checker ? '' : ' (skipped: no shared data beside the checkout)'}`,
  () => {
    it('has nothing that the schema does not know', async () => {
      expect(await check(file)).toMatchObject({ ok: true });
    });

    it('is really read: a misspelt key is found', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'relearn-s-yaml-'));
      try {
        const text = await readFile(file, 'utf8');
        const broken = join(folder, 's.yaml');
        await writeFile(
          broken,
          text.replace('instanceConcurrency: 1\n', 'instanceConcurency: 1\n'),
        );
        const { ok, output } = await check(broken);
        expect(ok).toBe(false);
        expect(output).toContain('instanceConcurency');
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
  },
);
