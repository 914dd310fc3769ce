/**
 * What one import of base data added: a row for each picture, written after the shards and made
 * visible by one log entry that names it.
 */
import { z } from 'zod';
import { decodeJson, encodeJson, labelIdSchema, sha256Schema, timeSchema } from './json-object.ts';

const rowSchema = z.object({
  sha256: sha256Schema,
  label: labelIdSchema,
  split: z.enum(['train', 'validation', 'holdout']),
  shard: z.string().min(1),
  offset: z.int().nonnegative(),
  length: z.int().positive(),
});

const schema = z.object({
  formatVersion: z.literal(1),
  importId: z.string().min(1),
  createdAt: timeSchema,
  rows: z.array(rowSchema),
});

/** One picture: hash of the bytes as received, ASCII id of its label, and where its record lies. */
export type ImportRow = Readonly<z.infer<typeof rowSchema>>;

export interface ImportManifest {
  readonly formatVersion: 1;
  readonly importId: string;
  readonly createdAt: string;
  readonly rows: readonly ImportRow[];
}

export const encodeImportManifest = (manifest: ImportManifest): Uint8Array =>
  encodeJson(manifest, 0);

/** @throws RelearnError corrupt/`corrupt_record` */
export const decodeImportManifest = (bytes: Uint8Array, key: string): ImportManifest =>
  decodeJson(schema, bytes, key);

/**
 * Takes in a later import. Of a picture that is there already its label and part stay, and its place
 * becomes the new one: it is imported again only where its shard was lost.
 */
export const addRows = (
  rows: Map<string, ImportRow>,
  { rows: added }: Pick<ImportManifest, 'rows'>,
): void => {
  for (const row of added) {
    const { label, split } = rows.get(row.sha256) ?? row;
    rows.set(row.sha256, { ...row, label, split });
  }
};
