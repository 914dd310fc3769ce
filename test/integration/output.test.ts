/** Where the output of the program goes wrong: a reader that leaves early, a full disk. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const program = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** Runs a line of the shell, in which `relearn` is the built program. */
const shell = async (line: string) => {
  const script = `relearn() { "${process.execPath}" "${program}" "$@"; }; ${line}`;
  try {
    return { code: 0, ...(await promisify(execFile)('bash', ['-c', script])) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
};

it.runIf(process.platform === 'linux')('a full disk is told in a sentence', async () => {
  expect(await shell('relearn --help > /dev/full')).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(
      /^relearn: The output does not fit on the disk\.\n {2}Make room.*\n$/,
    ),
  });
});

it.runIf(process.platform !== 'win32')('a reader that leaves early is no failure', async () => {
  const { code, stderr } = await shell('set -o pipefail; relearn --help | true');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

it.runIf(process.platform === 'linux')('what nobody hears on stderr stops nothing', async () => {
  const { code, stdout } = await shell('relearn frobnicate --json 2> /dev/full');
  expect(code).toBe(2);
  expect(JSON.parse(stdout).error.code).toBe('unknown_command');
});
