/**
 * The record of a checkpoint: what a training that was interrupted goes on from. It names parts that
 * hold the tensors, one after the other; see training/checkpoint-parts.ts.
 */
import { z } from 'zod';
import {
  decodeJson,
  encodeJson,
  objectRefSchema,
  sha256Schema,
  timeSchema,
} from './json-object.ts';
import { raceSchema, startSchema } from './report-schemas.ts';

const number = z.number();

const figuresSchema = z.object({
  step: z.int().nonnegative(),
  /** null where no average is kept. */
  averageUpdates: z.int().nonnegative().nullable(),
  curve: z.array(
    z.object({
      step: number,
      trainLoss: number,
      trainAccuracy: number,
      trainTop2Accuracy: number,
      validationLoss: number,
      validationAccuracy: number,
    }),
  ),
  stopping: z.object({
    bestAccuracy: number.nullable(),
    lowestLoss: number.nullable(),
    roundsLeft: number,
  }),
  meter: z.object({
    steps: number,
    pictures: number,
    lossSum: number,
    right: number,
    nearlyRight: number,
  }),
  rateFactor: number,
  start: startSchema,
  race: raceSchema.nullable(),
  seconds: number,
  trainingSeconds: number,
});

export type StateFigures = Readonly<z.infer<typeof figuresSchema>>;

const schema = z.object({
  formatVersion: z.literal(1),
  savedAt: timeSchema,
  /** Hash of all that the run was started with. */
  fingerprint: sha256Schema,
  figures: figuresSchema,
  /** Lengths in numbers, not bytes. */
  tensors: z.array(z.object({ name: z.string(), length: z.int().nonnegative() })),
  parts: z.array(objectRefSchema),
});

export type CheckpointRecord = Readonly<z.infer<typeof schema>>;

export const encodeCheckpoint = (record: CheckpointRecord): Uint8Array => encodeJson(record, 0);

/** @throws RelearnError corrupt/`corrupt_record` */
export const decodeCheckpoint = (bytes: Uint8Array, key: string): CheckpointRecord =>
  decodeJson(schema, bytes, key);
