/** Failures of the operating system reach people as sentences, and programs by codes of our own. */
import { open, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { describeFailure } from './failure.ts';

const thisFile = fileURLToPath(import.meta.url);
const missing = join(tmpdir(), 'relearn-none', 'x');

it.each([
  ['path_not_found', () => readFile(missing), `${missing} does not exist.`],
  ['path_exists', () => open(thisFile, 'wx'), 'exists already.'],
  ['not_a_file', () => readFile(tmpdir()), 'is a folder.'],
  ['not_a_folder', () => open(join(thisFile, 'x'), 'wx'), 'needs a folder where a file stands.'],
  ['name_too_long', () => open(join(tmpdir(), 'x'.repeat(300)), 'wx'), 'longer than'],
])('%s', async (code, fail, words) => {
  const failure = describeFailure(await fail().catch((error: unknown) => error), false);
  expect(failure).toMatchObject({ exitCode: 1, code, hint: expect.any(String) });
  expect(failure.message).toContain(words);
});

it.each(['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'EMFILE'])(
  '%s is no code that a program is told, and no word that a person reads',
  (errno) => {
    const raw = Object.assign(new Error(`${errno}: open 'x'`), { code: errno, path: 'x' });
    const { code, message } = describeFailure(raw, false);
    expect(code).toMatch(/^[a-z]+(_[a-z]+)+$/);
    expect(message).toMatch(/^x .*\.$/);
    expect(message).not.toContain(errno);
  },
);
