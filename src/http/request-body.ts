/** A request's body as it arrived: its bytes and its media type without parameters. */
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { invalid } from './error-table.ts';

export interface RequestBody {
  readonly bytes: Uint8Array;
  /** Lower case, without parameters: `application/json`. */
  readonly mediaType: string;
  /** The header as sent; a multipart boundary stands in it. */
  readonly contentType: string;
}

/** Lower case, without parameters; empty where none was declared. */
export const mediaTypeOf = (headers: IncomingHttpHeaders): string =>
  (headers['content-type']?.split(';', 1)[0] ?? '').trim().toLowerCase();

/** @throws RelearnError invalid/`empty_body` */
export const bodyOf = (request: FastifyRequest): RequestBody => {
  const bytes = request.body;
  if (!(bytes instanceof Uint8Array) || bytes.length === 0)
    throw invalid('empty_body', 'The request has no body.');
  const contentType = request.headers['content-type'] ?? '';
  return { bytes, mediaType: mediaTypeOf(request.headers), contentType };
};

export const unsupportedMediaType = (mediaType: string) =>
  invalid('unsupported_media_type', `"${mediaType}" is not supported here.`);
