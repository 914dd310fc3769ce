/** What an object key may look like, in every store. */
import { RelearnError } from '../base/errors.ts';

const segment = /^(?!\.)[^/\\\p{Cc}\p{Cs}\uFFFD]+$/u;

/** Whether a file's name can be a part of a key. Dot files belong to the store itself. */
export const isKeySegment = (name: string): boolean =>
  segment.test(name) && Buffer.byteLength(name) <= 255;

/**
 * Segments between single slashes, none empty, none starting with a dot, no backslash, no control
 * character; 1,024 bytes at most. So no key leaves its folder or meets the store's own files.
 * @throws RelearnError invalid/`invalid_key`
 */
export const checkKey = (key: string): void => {
  if (Buffer.byteLength(key) <= 1024 && key.split('/').every(isKeySegment)) return;
  throw new RelearnError(
    'invalid',
    'invalid_key',
    `${JSON.stringify(key)} can't be an object key.`,
  );
};
