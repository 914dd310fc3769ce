/** One training as it went: its curve while it runs, its report once it is done. */
import { z } from 'zod';
import { decodeJson, encodeJson, timeSchema } from './json-object.ts';
import { trainReportSchema } from './report-schemas.ts';
import type { TrainReport } from './reports.ts';

const pointSchema = z.object({
  step: z.number(),
  trainLoss: z.number(),
  trainAccuracy: z.number(),
  /** null in runs of earlier releases. */
  validationLoss: z.number().nullable().default(null),
  validationAccuracy: z.number(),
});

const schema = z.object({
  formatVersion: z.literal(1),
  id: z.string().min(1),
  startedAt: timeSchema,
  version: z.int().positive().nullable(),
  points: z.array(pointSchema),
  report: trainReportSchema.nullable(),
});

export type RunPoint = Readonly<z.infer<typeof pointSchema>>;

export interface RunRecord {
  readonly formatVersion: 1;
  readonly id: string;
  readonly startedAt: string;
  readonly version: number | null;
  /** One row for each evaluation. */
  readonly points: readonly RunPoint[];
  readonly report: TrainReport | null;
}

export const encodeRunRecord = (run: RunRecord): Uint8Array => encodeJson(run);

/** @throws RelearnError corrupt/`corrupt_record` */
export const decodeRunRecord = (bytes: Uint8Array, key: string): RunRecord =>
  decodeJson(schema, bytes, key);
