/** The text of a deployment file, with a word for everything that is none. */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { RelearnError } from '../../base/errors.ts';

/** Bytes. A hundred times the file that the project ships. */
export const mostBytes = 1024 * 1024;

const openFile = async (path: string): Promise<FileHandle> => {
  try {
    return await open(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new RelearnError('not-found', 'file_not_found', `${path} does not exist.`, {
      hint: 'Name the file: relearn deploy check FILE. The one that the project ships is deploy/s.yaml.',
      cause,
    });
  }
};

/**
 * @throws RelearnError not-found/`file_not_found`, invalid/`not_a_file`, `file_too_large`, `not_a_text`, and
 * what the operating system says of a file that may not be read
 */
export const readDeploymentFile = async (path: string): Promise<string> => {
  const file = await openFile(path);
  try {
    if ((await file.stat()).isDirectory())
      throw new RelearnError('invalid', 'not_a_file', `${path} is a folder.`, {
        hint: `Name the file in it, such as ${join(path, 's.yaml')}.`,
      });
    // A pipe has no size to be asked for.
    const bytes = Buffer.alloc(mostBytes + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = (await file.read(bytes, length)).bytesRead;
    if (length > mostBytes)
      throw new RelearnError(
        'invalid',
        'file_too_large',
        `${path} is larger than a deployment file can be.`,
        { hint: `Name a file of ${mostBytes / 1024 / 1024} MB at most.` },
      );
    const text = bytes.toString('utf8', 0, length);
    // No text holds the first of these, and the second stands where a byte was no UTF-8.
    if (text.includes('\0') || text.includes('\ufffd'))
      throw new RelearnError('invalid', 'not_a_text', `${path} is no text, so it is no YAML.`, {
        hint: 'Name a deployment file, such as deploy/s.yaml, saved as UTF-8.',
      });
    return text;
  } finally {
    await file.close();
  }
};
