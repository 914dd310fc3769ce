/**
 * JSON from strangers: strict UTF-8, bounded depth, no key twice, and none of the keys that reach
 * an object's prototype. The scan runs before `JSON.parse` and leaves the grammar to it.
 */
import { invalid } from './error-table.ts';

const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype']);
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws RelearnError invalid/`invalid_json`, `json_too_deep`, `forbidden_key` or `unknown_field` */
export const readJson = (bytes: Uint8Array, deepest: number): unknown => {
  try {
    const text = utf8.decode(bytes);
    scan(text, deepest);
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError)
      throw invalid('invalid_json', 'The body is not valid JSON.');
    throw error;
  }
};

/** One pass over the text that looks at brackets and keys only. */
const scan = (text: string, deepest: number): void => {
  /** The keys met so far of each open object; null for an array. */
  const open: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '{' || character === '[') {
      if (open.length >= deepest)
        throw invalid('json_too_deep', `The JSON is nested more than ${deepest} deep.`);
      open.push(character === '{' ? new Set() : null);
    } else if (character === '}' || character === ']') {
      open.pop();
    } else if (character === '"') {
      const end = endOfString(text, at);
      const keys = open.at(-1);
      if (keys && followsAsKey(text, end)) addKey(keys, JSON.parse(text.slice(at, end + 1)));
      at = end;
    }
  }
};

/** Index of the quote that closes the string opened at `start`. */
const endOfString = (text: string, start: number): number => {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  throw invalid('invalid_json', 'The JSON ends inside a string.');
};

const followsAsKey = (text: string, end: number): boolean => {
  let at = end + 1;
  while (at < text.length && ' \t\r\n'.includes(text[at] ?? '')) at++;
  return text[at] === ':';
};

const addKey = (keys: Set<string>, key: string): void => {
  if (forbiddenKeys.has(key)) throw invalid('forbidden_key', `The key "${key}" is not allowed.`);
  if (keys.has(key))
    throw invalid('unknown_field', 'The JSON has a key twice.', { pointer: pointerTo([key]) });
  keys.add(key);
};

/** JSON pointer (RFC 6901), cut so that an answer never repeats a huge key. */
export const pointerTo = (path: readonly PropertyKey[]): string =>
  path
    .map((step) => `/${String(step).slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
