/**
 * API keys: who may do what. A key is kept as its SHA-256 only, and compared in constant time.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { RelearnError } from '../base/errors.ts';

export const scopes = ['predict', 'feedback', 'train', 'admin'] as const;
export type Scope = (typeof scopes)[number];

export interface ApiKey {
  /** For logs and provenance; never secret. */
  readonly name: string;
  readonly digest: Buffer;
  readonly scopes: ReadonlySet<Scope>;
  /** Whether it has so few characters that it may be guessed. */
  readonly isShort: boolean;
}

/** Characters: 16 random letters and digits can't be tried out over a network. */
export const shortestKey = 16;

const isScope = (text: string): text is Scope => (scopes as readonly string[]).includes(text);
const digestOf = (key: string) => createHash('sha256').update(key).digest();

const usage = (code: string, message: string) =>
  new RelearnError('usage', code, message, {
    hint: 'Write keys as name:key:scope+scope, separated by commas or one a line; the scopes are predict, feedback, train and admin.',
  });

/** Comma-separated scope names, as `--anonymous` takes them. */
export const parseScopes = (text: string, separator = ','): ReadonlySet<Scope> => {
  const names = text
    .split(separator)
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return new Set(
    names.map((name) => {
      if (!isScope(name)) throw usage('unknown_scope', `"${name}" is not a scope.`);
      return name;
    }),
  );
};

/**
 * Reads `name:key:scope+scope`, separated by commas or line ends; lines that start with # are
 * comments.
 *
 * @throws RelearnError usage/`invalid_keys` or `unknown_scope`; the message never holds the key
 */
export const parseKeys = (text: string): ApiKey[] =>
  text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .flatMap((line) => line.split(','))
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map((entry, index) => {
      const [name, key, scopeNames, ...rest] = entry.split(':');
      if (!name || !key || !scopeNames || rest.length > 0)
        throw usage('invalid_keys', `Key ${index + 1} is not of the form name:key:scope+scope.`);
      return {
        name,
        digest: digestOf(key),
        scopes: parseScopes(scopeNames, '+'),
        isShort: key.length < shortestKey,
      };
    });

/** The key that the header `Authorization: Bearer KEY` names, if it is one of ours. */
export const findKey = (keys: readonly ApiKey[], authorization: string): ApiKey | undefined => {
  const presented = /^Bearer +([^\s]+) *$/i.exec(authorization)?.[1];
  if (presented === undefined) return undefined;
  const digest = digestOf(presented);
  // Every key is compared, so that the time taken does not tell which one matched.
  return keys.reduce<ApiKey | undefined>(
    (found, key) => (timingSafeEqual(key.digest, digest) ? key : found),
    undefined,
  );
};
