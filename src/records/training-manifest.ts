/**
 * What one training was made from, exactly: enough to train the same model again. Written before
 * the training and named by its claim in the log; its feedback is consumed once a version that
 * names it is published.
 */
import { z } from 'zod';
import {
  decodeJson,
  encodeJson,
  labelIdSchema,
  type ObjectRef,
  objectRefSchema,
  sha256Schema,
  timeSchema,
} from './json-object.ts';

const feedbackRowSchema = z.object({
  /** Where the item lay when it was claimed; later it may lie in the archive. */
  key: z.string().min(1),
  labelId: labelIdSchema,
  /** Of the bytes as received. */
  sha256: sha256Schema,
});

const schema = z.object({
  formatVersion: z.literal(1),
  runId: z.string().min(1),
  createdAt: timeSchema,
  parent: z.int().positive().nullable(),
  architecture: z.string().min(1),
  backbone: objectRefSchema.optional(),
  seed: z.int(),
  options: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  base: z.array(objectRefSchema),
  feedback: z.array(feedbackRowSchema),
  replay: z.array(objectRefSchema),
});

export type FeedbackRow = Readonly<z.infer<typeof feedbackRowSchema>>;

export interface TrainingManifest {
  readonly formatVersion: 1;
  readonly runId: string;
  readonly createdAt: string;
  /** The version whose lineage is continued, and whose weights may be the start; null = a new one. */
  readonly parent: number | null;
  readonly architecture: string;
  /** The imported network, where the architecture is one. */
  readonly backbone?: ObjectRef | undefined;
  readonly seed: number;
  readonly options: Readonly<Record<string, string | number | boolean | null>>;
  /** Import manifests. */
  readonly base: readonly ObjectRef[];
  /** Items trained on for the first time in this lineage. */
  readonly feedback: readonly FeedbackRow[];
  /** Training manifests of ancestors whose feedback is trained on again. */
  readonly replay: readonly ObjectRef[];
}

export const encodeTrainingManifest = (manifest: TrainingManifest): Uint8Array =>
  encodeJson(manifest, 0);

/** @throws RelearnError corrupt/`corrupt_record` */
export const decodeTrainingManifest = (bytes: Uint8Array, key: string): TrainingManifest =>
  decodeJson(schema, bytes, key);
