/** From an error of the operating system to what the caller should do about it. */
import { RelearnError } from '../base/errors.ts';

interface Meaning {
  readonly code:
    | 'storage_full'
    | 'storage_read_only'
    | 'storage_denied'
    | 'storage_no_links'
    | 'name_not_possible';
  readonly message: string;
  readonly hint: string;
}

const full: Meaning = {
  code: 'storage_full',
  message: 'There is no space left',
  hint: 'Free some space or raise the quota (the folder cache/ of the store may be deleted at any time); nothing that was stored before is lost.',
};
const readOnly: Meaning = {
  code: 'storage_read_only',
  message: "This process can't write",
  hint: 'Give the user that runs it write permission, or mount the folder writable.',
};
const denied: Meaning = {
  code: 'storage_denied',
  message: "This process can't read",
  hint: 'Give the user that runs it read permission.',
};
export const noLinks: Meaning = {
  code: 'storage_no_links',
  message: "This file system can't create a file under a name only where it is free (hard links)",
  hint: 'Keep the store on a local file system; some network shares and FUSE mounts lack hard links.',
};
const nameTaken: Meaning = {
  code: 'name_not_possible',
  message: 'A folder holds no file and folder of one name, as a bucket does',
  hint: 'Give one of the two another name.',
};
const nameTooLong: Meaning = {
  code: 'name_not_possible',
  message: 'The name is too long for this file system',
  hint: 'Keep the store in a folder with a shorter path, or on another file system.',
};

const meanings: Readonly<Record<'read' | 'write', Readonly<Record<string, Meaning>>>> = {
  read: { EACCES: denied, EPERM: denied, ENAMETOOLONG: nameTooLong },
  write: {
    ENOSPC: full,
    EDQUOT: full,
    EFBIG: full,
    EROFS: readOnly,
    EACCES: readOnly,
    EPERM: readOnly,
    EISDIR: nameTaken,
    ENOTDIR: nameTaken,
    EEXIST: nameTaken,
    ENAMETOOLONG: nameTooLong,
  },
};

export const errnoOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;

/**
 * @param doing what failed, such as `write models/…`
 * @returns RelearnError unavailable, with the original as its cause
 */
export const diskError = (
  error: unknown,
  doing: 'read' | 'write',
  key: string,
  meaning: Meaning | undefined = meanings[doing][errnoOf(error) ?? ''],
): RelearnError => {
  if (error instanceof RelearnError) return error;
  const details = { key, errno: errnoOf(error) ?? null };
  if (meaning) {
    return new RelearnError('unavailable', meaning.code, `${meaning.message}: ${doing} ${key}.`, {
      hint: meaning.hint,
      cause: error,
      details,
    });
  }
  return new RelearnError(
    'unavailable',
    'storage_unavailable',
    `The storage could not ${doing} ${key} (${errnoOf(error) ?? 'unknown error'}).`,
    { hint: 'Check the disk and its permissions, then try again.', cause: error, details },
  );
};
