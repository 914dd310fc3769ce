/**
 * Multipart forms (RFC 7578) that are already in memory and so already bounded: a few text fields
 * and at most one file, named `picture`. File names are never looked at.
 */
import { Busboy } from '@fastify/busboy';
import { invalid } from './error-table.ts';

export interface Form {
  readonly fields: Readonly<Record<string, string>>;
  readonly picture: Uint8Array | undefined;
}

const limits = {
  parts: 8,
  files: 1,
  fields: 7,
  fieldNameSize: 64,
  fieldSize: 64 * 1024,
  headerPairs: 16,
};

/** @throws RelearnError invalid/`invalid_multipart`, `unknown_field` */
export const readMultipart = (contentType: string, bytes: Uint8Array): Promise<Form> =>
  new Promise((resolve, reject) => {
    const broken = (why: string) => reject(invalid('invalid_multipart', why));
    const parser = openParser(contentType);
    if (parser === undefined) return broken('The multipart body names no boundary.');
    const fields = new Map<string, string>();
    let picture: Buffer[] | undefined;
    parser.on('field', (name, value, nameCut, valueCut) => {
      if (nameCut || valueCut) return broken('A field is too long.');
      if (fields.has(name)) return broken('A field is there twice.');
      fields.set(name, value);
    });
    parser.on('file', (name, stream) => {
      if (name !== 'picture') {
        stream.resume();
        return reject(invalid('unknown_field', 'The file field is not named "picture".'));
      }
      const chunks: Buffer[] = [];
      picture = chunks;
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', () => broken('The file is cut off.'));
    });
    for (const limit of ['partsLimit', 'filesLimit', 'fieldsLimit'] as const)
      parser.on(limit, () => broken('There are too many parts.'));
    parser.on('error', () => broken('The body is not valid multipart.'));
    parser.on('finish', () => {
      if (picture === undefined && fields.size === 0) return broken('The form is empty.');
      resolve({
        fields: Object.fromEntries(fields),
        picture: picture && Buffer.concat(picture),
      });
    });
    parser.end(bytes);
  });

const openParser = (contentType: string) => {
  try {
    return new Busboy({ headers: { 'content-type': contentType }, limits });
  } catch {
    return undefined;
  }
};
