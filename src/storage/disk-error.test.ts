import { expect, it } from 'vitest';
import { diskError } from './disk-error.ts';

const errno = (code: string) => Object.assign(new Error(code), { code });

it.each([
  ['ENOSPC', 'write', 'storage_full'],
  ['EDQUOT', 'write', 'storage_full'],
  ['EFBIG', 'write', 'storage_full'],
  ['EROFS', 'write', 'storage_read_only'],
  ['EACCES', 'write', 'storage_read_only'],
  ['EACCES', 'read', 'storage_denied'],
  ['EPERM', 'read', 'storage_denied'],
  ['EISDIR', 'write', 'name_not_possible'],
  ['ENOTDIR', 'write', 'name_not_possible'],
  ['EEXIST', 'write', 'name_not_possible'],
  ['ENAMETOOLONG', 'write', 'name_not_possible'],
  ['ENAMETOOLONG', 'read', 'name_not_possible'],
  ['EIO', 'write', 'storage_unavailable'],
  ['EMFILE', 'read', 'storage_unavailable'],
] as const)('%s on a %s is %s', (code, doing, expected) => {
  const cause = errno(code);
  expect(diskError(cause, doing, 'log/1')).toMatchObject({
    kind: 'unavailable',
    code: expected,
    cause,
    details: { key: 'log/1', errno: code },
  });
});
