/**
 * `deploy/s.yaml` as Serverless Devs reads it: the tool that deploys the file renders it, offline and
 * without credentials, into what `relearn deploy check` has read.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { readDeployment } from '../../src/cli/deploy/read-deployment.ts';
import { valueAt } from '../../src/cli/deploy/yaml-values.ts';
import { makeFolder } from '../integration/pictures.ts';

const run = promisify(execFile);
const file = fileURLToPath(new URL('../../deploy/s.yaml', import.meta.url));
const folder = await makeFolder();

const whyNoTool = async (): Promise<string | undefined> => {
  const options = ['--prefix', folder.path, '--no-audit', '--no-fund', '--ignore-scripts'];
  try {
    await run('npm', ['install', ...options, '@serverless-devs/s@3.1.10'], { timeout: 120_000 });
    return undefined;
  } catch (error) {
    return `it can't be installed: ${error instanceof Error ? error.message : error}`;
  }
};
const obstacle = await whyNoTool();
if (obstacle) console.log(`skipped: s preview, because ${obstacle}`);
afterAll(() => folder.remove());

/** Its settings and logs stay in the test's folder. @returns the rendered file */
const preview = async (env: Readonly<Record<string, string>>): Promise<unknown> => {
  const program = join(folder.path, 'node_modules/.bin/s');
  const { stdout } = await run(program, ['preview', '-t', file, '-o', 'json'], {
    cwd: folder.path,
    env: { PATH: process.env.PATH, HOME: folder.path, ...env },
    timeout: 60_000,
  });
  return JSON.parse(stdout.slice(stdout.indexOf('\n{') + 1));
};

describe.skipIf(obstacle !== undefined)('s preview', () => {
  it('renders the functions that relearn deploy check reads', async () => {
    const keys = 'tester:a-key-of-twenty-four-signs:predict';
    const text = (await readFile(file, 'utf8')).replace(/\$\{env\('RELEARN_KEYS'\)\}/g, keys);
    const rendered = await preview({ RELEARN_KEYS: keys });
    expect(Object.keys(valueAt(rendered, ['resources']) ?? {})).toHaveLength(3);
    expect(valueAt(rendered, ['resources'])).toEqual(
      valueAt(readDeployment(text).value, ['resources']),
    );
  });

  it('stops where the keys are not set', async () => {
    await expect(preview({})).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringContaining('RELEARN_KEYS'),
    });
  });
});
