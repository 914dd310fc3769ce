/** JSON records in the store: canonical bytes out, checked values in. */
import { z } from 'zod';
import { RelearnError } from '../base/errors.ts';

/** UTF-8 with a newline at the end; indented for people, unless it is a long list (`indent` 0). */
export const encodeJson = (value: unknown, indent: 0 | 2 = 2): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify(value, null, indent)}\n`);

/**
 * @param key named in the error
 * @throws RelearnError corrupt/`corrupt_record` where the bytes are not JSON of this shape
 */
export const decodeJson = <T>(schema: z.ZodType<T>, bytes: Uint8Array, key: string): T => {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return schema.parse(JSON.parse(text));
  } catch (error) {
    const detail = error instanceof z.ZodError ? z.prettifyError(error) : 'it is not JSON';
    throw new RelearnError('corrupt', 'corrupt_record', `${key} is damaged: ${detail}`, {
      hint: 'Restore this object from a backup.',
      cause: error,
      details: { key },
    });
  }
};

export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);
export const labelIdSchema = z.string().regex(/^[a-z0-9_-]{1,64}$/);
export const timeSchema = z.iso.datetime();

/** An object in the store and what it must hold. */
export const objectRefSchema = z.object({ key: z.string().min(1), sha256: sha256Schema });
export type ObjectRef = Readonly<z.infer<typeof objectRefSchema>>;
