/** What may stand where a deployment file is asked for. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mostBytes, readDeploymentFile } from './read-deployment-file.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relearn-deployment-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const place = async (name: string, text: string): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
};

it('reads a file', async () => {
  expect(await readDeploymentFile(await place('s.yaml', 'edition: 3.0.0\n'))).toBe(
    'edition: 3.0.0\n',
  );
});

it('names the file that a folder holds', async () => {
  await place('s.yaml', 'edition: 3.0.0\n');
  await expect(readDeploymentFile(folder)).rejects.toMatchObject({
    kind: 'invalid',
    code: 'not_a_file',
    message: `${folder} is a folder.`,
    hint: `Name the file in it, such as ${join(folder, 's.yaml')}.`,
  });
});

it.each([
  ['a program', Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0])],
  ['text that is not UTF-8', Buffer.from('name: caf\u00e9\n', 'latin1')],
])('refuses %s instead of reading it as YAML', async (_, bytes) => {
  const path = join(folder, 'binary.yaml');
  await writeFile(path, bytes);
  await expect(readDeploymentFile(path)).rejects.toMatchObject({
    kind: 'invalid',
    code: 'not_a_text',
    message: `${path} is no text, so it is no YAML.`,
  });
});

it('says what to name where nothing is', async () => {
  await expect(readDeploymentFile(join(folder, 'no.yaml'))).rejects.toMatchObject({
    kind: 'not-found',
    code: 'file_not_found',
    message: `${join(folder, 'no.yaml')} does not exist.`,
    hint: expect.stringContaining('relearn deploy check FILE'),
  });
});

it('takes a file of the greatest size, and refuses one byte more before it reads on', async () => {
  const most = await place('most.yaml', '#'.repeat(mostBytes));
  expect(await readDeploymentFile(most)).toHaveLength(mostBytes);
  const tooLarge = await place('large.yaml', '#'.repeat(mostBytes + 1));
  await expect(readDeploymentFile(tooLarge)).rejects.toMatchObject({ code: 'file_too_large' });
});

it('does not read a device to its end', async () => {
  await expect(readDeploymentFile('/dev/zero')).rejects.toMatchObject({ code: 'file_too_large' });
});
