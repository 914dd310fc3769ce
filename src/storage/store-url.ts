/** Takes apart what a person writes after --store for a bucket: `s3://bucket/prefix?region=…`. */
import { RelearnError } from '../base/errors.ts';
import { isKeySegment } from './object-key.ts';

export interface BucketUrl {
  readonly bucket: string;
  /** Empty, or ending in a slash. */
  readonly prefix: string;
  /** Only names that the store knows. */
  readonly parameters: Readonly<Record<string, string>>;
  /** The URL as it was given. */
  readonly text: string;
}

const wrong = (text: string, problem: string, hint: string): RelearnError =>
  new RelearnError('usage', 'invalid_store', `${JSON.stringify(text)}: ${problem}.`, { hint });

const bucketName = /^(?!.*\.\.)[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/;

// Control and format characters: they come along when text is copied, and URL parsers drop some.
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|^\s|\s$/u;

/** The text may hold a secret, so it is not repeated. @throws RelearnError usage/`invalid_store` */
export const checkSeen = (text: string): void => {
  const [character] = unseen.exec(text) ?? [];
  if (character === undefined) return;
  const code = character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0');
  const what =
    character === ' ' ? 'a space at its beginning or end' : `U+${code}, which is not seen`;
  throw new RelearnError('usage', 'invalid_store', `The store's URL has ${what}.`, {
    hint: 'Type it anew. Where the character is meant, write its % code.',
  });
};

/** Bytes. Object names end at 1,024, on OSS at 1,023; what Relearn adds is below 200. */
const longestPrefix = 800;

/** Of the text itself: a URL parser would take `..` away. @returns empty, or ending in a slash */
const prefixOf = (text: string): string => {
  const written = /^[^:]*:\/\/[^/?#]*([^?#]*)/.exec(text)?.[1] ?? '';
  let path: string;
  try {
    path = decodeURIComponent(written);
  } catch {
    throw wrong(text, 'its path has a broken % code', 'Write % itself as %25.');
  }
  if (path === '' || path === '/') return '';
  const name = path.slice(1).replace(/\/$/, '');
  const misfit = name.split('/').find((part) => !isKeySegment(part));
  if (misfit !== undefined) {
    throw wrong(
      text,
      `${JSON.stringify(misfit)} can't be a part of its path`,
      'A part has 1 to 255 bytes, begins with no dot and holds no backslash and no control character.',
    );
  }
  const bytes = Buffer.byteLength(name);
  if (bytes <= longestPrefix) return `${name}/`;
  throw wrong(
    text,
    `its path has ${bytes} bytes`,
    `Use ${longestPrefix} at most: the names of objects come behind it.`,
  );
};

/** @param shown without the secret */
const hasUser = (shown: string, what: string): RelearnError =>
  wrong(
    shown,
    `${what} has no user in it`,
    'Give credentials in the environment; what is in a URL ends up in logs.',
  );

/** @throws RelearnError usage/`invalid_store` */
export const parseBucketUrl = (text: string, known: readonly string[]): BucketUrl => {
  if (!URL.canParse(text))
    throw wrong(text, 'this is no URL', 'Write s3://bucket or oss://bucket.');
  const { protocol, host, searchParams, username, password, hash } = new URL(text);
  if (username || password) {
    throw hasUser(`${protocol}//…@${host}`, 'a store');
  }
  if (!bucketName.test(host)) {
    throw wrong(
      text,
      `${JSON.stringify(host)} can't be a bucket's name`,
      'A bucket has 3 to 63 small letters, digits, dots and hyphens.',
    );
  }
  const prefix = prefixOf(text);
  const names = [...searchParams.keys()];
  const unknown = hash ? hash : names.find((name) => !known.includes(name));
  if (unknown !== undefined || new Set(names).size < names.length) {
    throw wrong(
      text,
      unknown === undefined ? 'a parameter is given twice' : `${unknown} is not known here`,
      `The parameters are ${known.join(', ')}.`,
    );
  }
  return {
    bucket: host,
    prefix,
    parameters: Object.fromEntries(searchParams),
    text,
  };
};

/** The URL of another prefix of the same bucket. */
export const atPrefix = (
  { bucket, text }: Pick<BucketUrl, 'bucket' | 'text'>,
  prefix: string,
): string => {
  const [scheme = ''] = text.split(':');
  const path = prefix.replace(/[%?#]/g, encodeURIComponent).replace(/\/$/, '');
  const query = text.indexOf('?');
  return `${scheme}://${bucket}${path === '' ? '' : `/${path}`}${query < 0 ? '' : text.slice(query)}`;
};

/** One of a few words; the first is the default. @throws RelearnError usage/`invalid_store` */
export const chosen = <Word extends string>(
  { parameters, text }: BucketUrl,
  name: string,
  words: readonly Word[],
  fallback: Word,
): Word => {
  const given = parameters[name] ?? fallback;
  const word = words.find((candidate) => candidate === given);
  if (word !== undefined) return word;
  throw wrong(text, `${name} can't be ${JSON.stringify(given)}`, `Use ${words.join(' or ')}.`);
};

/** The service's address; without a scheme, https. @throws RelearnError usage/`invalid_store` */
export const parseEndpoint = ({ text, bucket }: BucketUrl, endpoint: string): URL => {
  const named = `the endpoint ${JSON.stringify(endpoint)}`;
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(endpoint) ? endpoint : `https://${endpoint}`;
  if (!/^https?:\/\//i.test(url)) {
    throw wrong(text, `${named} begins with neither http:// nor https://`, likeThis);
  }
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.username || parsed?.password)
    throw hasUser(`endpoint=…@${parsed.host}`, 'an endpoint');
  if (!parsed?.host || parsed.search || parsed.hash) {
    throw wrong(text, `${named} is no address`, likeThis);
  }
  if (parsed.pathname.replace(/\/$/, '').endsWith(`/${bucket}`)) {
    throw wrong(text, `${named} names the bucket, which stands at the beginning already`, likeThis);
  }
  return parsed;
};

/** For services whose signatures know no path before the bucket. @throws RelearnError usage/`invalid_store` */
export const refusePath = ({ text }: BucketUrl, endpoint: URL): void => {
  if (endpoint.pathname === '/') return;
  throw wrong(text, `the endpoint ${JSON.stringify(endpoint.href)} has a path`, likeThis);
};

const likeThis = 'Write it like endpoint=https://storage.example.com.';
