/** What an object key may look like, in every store. */
import { RelearnError } from '../base/errors.ts';

const segment = /^(?!\.)[^/\\\p{Cc}\p{Cs}\uFFFD]+$/u;

/** Whether a file's name can be a part of a key. Dot files belong to the store itself. */
export const isKeySegment = (name: string): boolean =>
  segment.test(name) && Buffer.byteLength(name) <= 255;

export const isKey = (key: string): boolean =>
  Buffer.byteLength(key) <= 1024 && key.split('/').every(isKeySegment);

const faults: readonly (readonly [RegExp, string])[] = [
  [/(?:^|\/)(?:\/|$)/, 'nothing between two slashes, or behind the last one'],
  [/(?:^|\/)\./, 'a part of it begins with a dot'],
  [/\\/, 'it holds a backslash'],
  [/\p{Cc}/u, 'it holds a control character'],
  [/[\p{Cs}\uFFFD]/u, 'it is not valid UTF-8'],
];

/** Why a name can't be a key, for people; undefined where it can. */
export const whyNoKey = (name: string): string | undefined =>
  isKey(name) ? undefined : (faults.find(([fault]) => fault.test(name))?.[1] ?? 'it is too long');

/**
 * Segments between single slashes, none empty, none starting with a dot, no backslash, no control
 * character; 1,024 bytes at most. So no key leaves its folder or meets the store's own files.
 * @throws RelearnError invalid/`invalid_key`
 */
export const checkKey = (key: string): void => {
  if (isKey(key)) return;
  throw new RelearnError(
    'invalid',
    'invalid_key',
    `${JSON.stringify(key)} can't be an object key.`,
  );
};

// Code units and code points sort differently only where one name has a character beyond U+FFFF.
const beyond = /[\uD800-\uDFFF]/;

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** Sorts in place by code point, as every store does: the order of UTF-8 bytes. */
export const sortKeys = (keys: string[]): string[] =>
  keys.some((key) => beyond.test(key)) ? keys.sort(byBytes) : keys.sort();

/** Whether `key` stands behind `other` in that order. */
export const comesAfter = (key: string, other: string): boolean =>
  beyond.test(key) || beyond.test(other) ? byBytes(key, other) > 0 : key > other;
