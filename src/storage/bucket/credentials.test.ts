/** Credentials in Amazon's shared file, which somebody changes while the process runs. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { s3Credentials } from './credentials.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relearn-credentials-'));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

it('are read again when they are asked for anew', async () => {
  const file = join(folder, 'credentials');
  const write = (id: string) =>
    writeFile(file, `[default]\naws_access_key_id = ${id}\naws_secret_access_key = secret\n`);
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE'])
    vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file);
  vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'none'));
  await write('first');
  const source = s3Credentials({});
  expect(await source()).toMatchObject({ accessKeyId: 'first' });
  await write('second');
  expect(await source()).toMatchObject({ accessKeyId: 'first' });
  expect(await source(true)).toMatchObject({ accessKeyId: 'second' });
  expect(await source()).toMatchObject({ accessKeyId: 'second' });
});
