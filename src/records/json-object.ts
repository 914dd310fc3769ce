/** JSON records in the store: canonical bytes out, checked values in. */
import { z } from 'zod';
import { RelearnError } from '../base/errors.ts';
import { describeMisfit } from './describe-misfit.ts';

/** UTF-8 with a newline at the end; indented for people, unless it is a long list (`indent` 0). */
export const encodeJson = (value: unknown, indent: 0 | 2 = 2): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify(value, null, indent)}\n`);

const parseJson = (bytes: Uint8Array): unknown =>
  JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));

/**
 * @param name what people are told that is damaged; default: the key
 * @throws RelearnError corrupt/`corrupt_record` where the bytes are not JSON of this shape
 */
export const decodeJson = <T>(
  schema: z.ZodType<T>,
  bytes: Uint8Array,
  key: string,
  name: string = key,
): T => {
  const damaged = (detail: string, cause: unknown) =>
    new RelearnError('corrupt', 'corrupt_record', `${name} is damaged: ${detail}.`, {
      hint: 'Put this object back from a backup.',
      cause,
      details: { key },
    });
  let value: unknown;
  try {
    value = parseJson(bytes);
  } catch (error) {
    throw damaged('it is not JSON', error);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw damaged(describeMisfit(parsed.error, value), parsed.error);
};

export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);
export const labelIdSchema = z.string().regex(/^[a-z0-9_-]{1,64}$/);
export const timeSchema = z.iso.datetime();

/** An object in the store and what it must hold. */
export const objectRefSchema = z.object({ key: z.string().min(1), sha256: sha256Schema });
export type ObjectRef = Readonly<z.infer<typeof objectRefSchema>>;
