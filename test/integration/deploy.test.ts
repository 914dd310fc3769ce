/** `relearn deploy check` of the built program, which has the reader of YAML built in. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeFolder } from './pictures.ts';
import { endAll, relearn, relearnError, relearnJson } from './program.ts';

const file = fileURLToPath(new URL('../../deploy/s.yaml', import.meta.url));
let folder: Awaited<ReturnType<typeof makeFolder>>;

beforeAll(async () => {
  folder = await makeFolder();
});

afterAll(async () => {
  await endAll();
  await folder.remove();
});

test('finds nothing wrong with the file that the project ships', async () => {
  expect(await relearnJson('deploy', 'check', file)).toEqual({ ok: true, file, problems: [] });
});

test('names line and cure of what is wrong, and fails', async () => {
  const broken = join(folder.path, 's.yaml');
  await writeFile(broken, (await readFile(file, 'utf8')).replace('cpu: 8', 'cpu: 4'));
  const { code, stdout } = await relearn('deploy', 'check', broken);
  expect(code).toBe(1);
  expect(stdout).toMatch(/s\.yaml:\d+: train\.props\.memorySize: .+ Give each core/);
  expect(stdout).toMatch(/\n1 problem\.\n$/);
});

test('says that a file is missing', async () => {
  expect((await relearnError('deploy', 'check', join(folder.path, 'no.yaml'))).code).toBe(
    'file_not_found',
  );
});
