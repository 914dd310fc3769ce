/** One page of a bucket's list, as S3 and OSS both write it. */
import type { XmlElement } from '@rgrove/parse-xml';
import type { ObjectInfo } from '../object-store.ts';
import { childrenOf, readXml, textOf } from './xml.ts';

export interface ListPage {
  /** With the bucket's full keys. */
  readonly objects: readonly ObjectInfo[];
  readonly hasMore: boolean;
}

/** Keys come percent-encoded, because XML can't hold every character; S3 writes a space as `+`. */
const decodeKey = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
};

/** Milliseconds; the list knows fractions of a second that HEAD does not. */
export const toWholeSeconds = (time: string): number => Math.floor(Date.parse(time) / 1000) * 1000;

const readObject = (contents: XmlElement): ObjectInfo => ({
  key: decodeKey(textOf(contents, 'Key') ?? ''),
  size: Number(textOf(contents, 'Size')),
  modifiedAt: toWholeSeconds(textOf(contents, 'LastModified') ?? ''),
});

/** Undefined where the bytes are no list. */
export const readListPage = (bytes: Uint8Array): ListPage | undefined => {
  const root = readXml(bytes);
  if (root?.name !== 'ListBucketResult') return undefined;
  return {
    objects: childrenOf(root, 'Contents').map(readObject),
    hasMore: textOf(root, 'IsTruncated') === 'true',
  };
};
