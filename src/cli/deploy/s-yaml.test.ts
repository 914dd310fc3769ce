/** `deploy/s.yaml` against the component's published schema, closed, where that lies beside the checkout. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { sharedData } from '../../../test/shared-data.ts';
import { checkDeployment } from './check-deployment.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const file = join(root, 'deploy/s.yaml');
const checker = sharedData && join(sharedData, '../tools/s-yaml-strict.mjs');

const check = (path: string): Promise<{ readonly ok: boolean; readonly output: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, [checker ?? '', path], { cwd: root }, (error, stdout, stderr) =>
      resolve({ ok: error === null, output: stdout + stderr }),
    );
  });

/** What the comments of the feedback function say to do. */
const plainCode = (text: string): string => {
  const start = text.indexOf('\n  feedback:\n');
  const end = text.indexOf('\n  # Trains when', start);
  const own = text
    .slice(start, end)
    .replace('      runtime: custom-container\n', '')
    .replace(/ {6}customContainerConfig:\n(?: {8}.*\n)+/, '')
    .replace(/# (runtime|code|layers|customRuntimeConfig):/g, '$1:');
  return text.slice(0, start) + own + text.slice(end);
};

/** What the comments of the predict function offer: a folder of the bucket for models. */
const withMountedBucket = (text: string): string =>
  text.replace(/# (ossMountConfig|RELEARN_FIRST_MODEL|RELEARN_MODEL_CACHE):/g, '$1:');

describe.skipIf(!checker || !existsSync(checker))(
  `deploy/s.yaml and the schema of fc3${checker ? '' : ' (skipped: no shared data beside the checkout)'}`,
  () => {
    it('has nothing that the schema does not know', async () => {
      expect(await check(file)).toMatchObject({ ok: true });
    });

    it.each([
      ['the feedback function as plain code', plainCode, 'code: ./feedback'],
      ['models in a mounted bucket', withMountedBucket, 'RELEARN_MODEL_CACHE: /mnt/models/cache'],
    ])('allows %s, by the lines that stand there as comments', async (_what, change, line) => {
      const folder = await mkdtemp(join(tmpdir(), 'relearn-s-yaml-'));
      try {
        const text = change(await readFile(file, 'utf8'));
        const variant = join(folder, 's.yaml');
        await writeFile(variant, text);
        expect(await check(variant)).toMatchObject({ ok: true });
        expect(checkDeployment(text)).toEqual([]);
        expect(text.split('\n').map((one) => one.trim())).toContain(line);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
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
