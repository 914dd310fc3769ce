/** What `POST /predict` takes, in each of its forms. */
import type { Limits } from './app-context.ts';
import { decodeDataUrl } from './data-url.ts';
import { invalid } from './error-table.ts';
import { readJson } from './read-json.ts';
import { readMultipart } from './read-multipart.ts';
import { type RequestBody, unsupportedMediaType } from './request-body.ts';
import { check, pictureBody, picturesBody } from './schemas.ts';

export type PictureRequest =
  | { readonly picture: Uint8Array }
  /** Data URLs, not decoded yet: a bad one fails alone. */
  | { readonly pictures: readonly string[] };

/** @throws RelearnError invalid, with the codes of the readers it calls */
export const parsePictureRequest = async (
  body: RequestBody,
  limits: Limits,
): Promise<PictureRequest> => {
  const { mediaType, bytes } = body;
  // What a client can't name it calls octets; the bytes themselves tell what they are.
  if (mediaType.startsWith('image/') || mediaType === 'application/octet-stream')
    return { picture: bytes };
  const parse = Object.hasOwn(parsers, mediaType) ? parsers[mediaType] : undefined;
  if (parse === undefined) throw unsupportedMediaType(mediaType);
  return parse(body, limits);
};

type Parser = (body: RequestBody, limits: Limits) => PictureRequest | Promise<PictureRequest>;

const parsers: Readonly<Record<string, Parser>> = {
  'text/plain': ({ bytes }) => ({
    // Shells and editors add the line end.
    picture: decodeDataUrl(
      Buffer.from(bytes)
        .toString('latin1')
        .replace(/\r?\n$/, ''),
    ),
  }),
  'application/json': ({ bytes }, limits) => {
    const value = readJson(bytes, limits.jsonDepth);
    const isBatch = typeof value === 'object' && value !== null && Object.hasOwn(value, 'pictures');
    if (!isBatch) return { picture: decodeDataUrl(check(pictureBody, value).picture) };
    const { pictures } = check(picturesBody, value);
    if (pictures.length > limits.batchPictures)
      throw invalid('too_many_pictures', `There are ${pictures.length} pictures.`, {
        limit: limits.batchPictures,
      });
    return { pictures };
  },
  'multipart/form-data': async ({ contentType, bytes }) => {
    const { picture, fields } = await readMultipart(contentType, bytes);
    check(pictureBody, { ...fields, picture: picture && '' });
    return { picture: picture ?? new Uint8Array() };
  },
};
