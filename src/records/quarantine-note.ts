/** Why an object was set aside and where it had lain: the note beside it in `quarantine/`. */
import { z } from 'zod';
import { decodeJson, encodeJson, sha256Schema, timeSchema } from './json-object.ts';
import { archiveKey, feedbackFolderOf, feedbackKey, parseItemKey } from './keys.ts';

const noteSchema = z.object({
  formatVersion: z.literal(1),
  /** Where it had lain; for people where that was no key of the store. */
  key: z.string().min(1),
  /** For people: what is wrong with it. */
  reason: z.string(),
  at: timeSchema,
  /** Trainings in a row that had come to nothing. */
  failures: z.int().nonnegative(),
  /** Of the bytes. */
  sha256: sha256Schema,
  /** Where bringing it back puts it. */
  returnKey: z.string().min(1),
});

export type QuarantineNote = Readonly<z.infer<typeof noteSchema>>;

export const encodeQuarantineNote = (note: QuarantineNote): Uint8Array => encodeJson(note);

/** @throws RelearnError corrupt/`corrupt_record` */
export const decodeQuarantineNote = (bytes: Uint8Array, key: string): QuarantineNote =>
  decodeJson(noteSchema, bytes, key);

/** Label id and hash under which it counts, or would if it were taken in. */
const itemOf = ({ returnKey, sha256 }: QuarantineNote) =>
  parseItemKey(returnKey) ?? { labelId: feedbackFolderOf(returnKey), sha256 };

/**
 * Where the object lies if it is not only in quarantine: brought back, sent again, taken in, learnt.
 */
export const placesOf = (note: QuarantineNote): ReadonlySet<string> => {
  const { labelId, sha256 } = itemOf(note);
  const own = [feedbackKey(labelId, sha256), archiveKey(labelId, sha256)];
  return new Set([note.returnKey, ...(/^[a-z0-9_-]+$/.test(labelId) ? own : [])]);
};
