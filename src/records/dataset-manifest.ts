/**
 * What an exported data set holds and where it comes from, beside its shards: enough for a trainer
 * elsewhere to read them and prove them whole, and for this store to know later what a model that
 * was trained on them has learnt.
 */
import { z } from 'zod';
import {
  decodeJson,
  encodeJson,
  labelIdSchema,
  objectRefSchema,
  sha256Schema,
} from './json-object.ts';

export const datasetFormats = ['tfrecord', 'webdataset', 'article'] as const;
export type DatasetFormat = (typeof datasetFormats)[number];

const splitSchema = z.enum(['train', 'validation', 'holdout']);
const count = z.int().nonnegative();

const shardSchema = z.object({
  /** Of the file, beside the manifest. */
  name: z.string().regex(/^[a-z0-9.-]+$/),
  split: splitSchema,
  count,
  bytes: count,
  sha256: sha256Schema,
});

const totalSchema = z.object({ count, bytes: count });

const schema = z.object({
  formatVersion: z.literal(1),
  format: z.enum(datasetFormats),
  /** In class-index order. */
  labels: z.array(z.string()).min(2),
  /** What pictures become before the store's own network sees them. */
  preprocessing: z.object({ imageSize: z.int().positive(), fit: z.literal('fill') }),
  shards: z.array(shardSchema),
  totals: z.object({ train: totalSchema, validation: totalSchema, holdout: totalSchema }),
  /** Import manifests of the store. */
  base: z.array(objectRefSchema),
  /** Items in the training part. @see TrainingManifest */
  feedback: z.array(
    z.object({ key: z.string().min(1), labelId: labelIdSchema, sha256: sha256Schema }),
  ),
});

export type DatasetShard = Readonly<z.infer<typeof shardSchema>>;
export type DatasetManifest = Readonly<z.infer<typeof schema>>;

export const datasetManifestName = 'manifest.json';

export const encodeDatasetManifest = (manifest: DatasetManifest): Uint8Array =>
  encodeJson(manifest);

/** @throws RelearnError corrupt/`corrupt_record` */
export const decodeDatasetManifest = (bytes: Uint8Array, name: string): DatasetManifest =>
  decodeJson(schema, bytes, name);

const unfinishedSchema = z.object({ plan: sha256Schema, shards: z.array(shardSchema) });

/** What an export that was stopped has written; beside its shards until the manifest is there. */
export type UnfinishedExport = Readonly<z.infer<typeof unfinishedSchema>>;

export const unfinishedName = 'unfinished.json';

/** @throws RelearnError corrupt/`corrupt_record` */
export const decodeUnfinished = (bytes: Uint8Array): UnfinishedExport =>
  decodeJson(unfinishedSchema, bytes, unfinishedName);
