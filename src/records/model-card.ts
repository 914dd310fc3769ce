/** What is known of one model: how it was made, how good it is, why the gate decided as it did. */
import { z } from 'zod';
import type { ObjectRef } from './json-object.ts';
import {
  decodeJson,
  encodeJson,
  objectRefSchema,
  sha256Schema,
  timeSchema,
} from './json-object.ts';
import type { Preprocessing } from './preprocessing.ts';
import { gateReportSchema, raceSchema, startSchema, transferSchema } from './report-schemas.ts';
import type {
  CalibrationReport,
  GateReport,
  HoldoutMetrics,
  RaceResult,
  TransferReport,
} from './reports.ts';

const classRowSchema = z.object({
  label: z.string(),
  n: z.int().nonnegative(),
  onlyCandidate: z.int().nonnegative(),
  onlyChampion: z.int().nonnegative(),
  /** Fractions; positive is better. */
  gain: z.number(),
  /** One-sided, for "the candidate is worse on this class". */
  pWorse: z.number(),
});

const gateTableSchema = z.object({
  n: z.int().nonnegative(),
  /** Pictures that only one of the two got right. */
  onlyCandidate: z.int().nonnegative(),
  onlyChampion: z.int().nonnegative(),
  gain: z.number(),
  classes: z.array(classRowSchema),
});

const metricsSchema = z.object({
  n: z.int().nonnegative(),
  accuracy: z.number(),
  interval: z.tuple([z.number(), z.number()]),
  top2Accuracy: z.number(),
  perLabel: z.record(
    z.string(),
    z.object({ n: z.number(), recall: z.number().nullable(), precision: z.number().nullable() }),
  ),
  confusionMatrix: z.object({ labels: z.array(z.string()), rows: z.array(z.array(z.number())) }),
  calibrationError: z.number(),
  /** Absent in cards of earlier releases. */
  calibration: z.object({ temperature: z.number(), errorBefore: z.number() }).optional(),
});

const schema = z.object({
  formatVersion: z.literal(1),
  createdAt: timeSchema,
  runId: z.string().min(1),
  labels: z.array(z.string()).min(2),
  preprocessing: z.object({
    width: z.int().positive(),
    height: z.int().positive(),
    channels: z.union([z.literal(1), z.literal(3)]),
    fit: z.literal('fill'),
  }),
  architecture: z.string(),
  backbone: objectRefSchema.optional(),
  model: z.object({ key: z.string(), sha256: sha256Schema, size: z.int().positive() }),
  parent: z.int().positive().nullable(),
  /** Absent in cards of earlier releases. */
  start: startSchema.optional(),
  race: raceSchema.nullish(),
  /** Where the architecture is an imported network. */
  transfer: transferSchema.optional(),
  comparedWith: z.int().positive().nullable(),
  manifest: objectRefSchema.nullable(),
  note: z.string().optional(),
  metrics: metricsSchema,
  gate: gateReportSchema,
  gateTable: gateTableSchema.nullable(),
});

/** The paired comparison that the gate decided on, in whole pictures. */
export interface GateTable extends Readonly<Omit<z.infer<typeof gateTableSchema>, 'classes'>> {
  readonly classes: readonly Readonly<z.infer<typeof classRowSchema>>[];
}

export interface CardMetrics extends HoldoutMetrics {
  /** Absent in cards of earlier releases. */
  readonly calibration?: CalibrationReport | undefined;
}

export interface ModelCard {
  readonly formatVersion: 1;
  readonly createdAt: string;
  readonly runId: string;
  /** In class-index order. */
  readonly labels: readonly string[];
  readonly preprocessing: Preprocessing;
  readonly architecture: string;
  /** The imported network that the model was made from, where it was. */
  readonly backbone?: ObjectRef | undefined;
  readonly model: ObjectRef & { readonly size: number };
  /** What the weights started as: the parent's, shrunk and perturbed, or fresh ones. */
  readonly start?: 'champion' | 'scratch' | undefined;
  /** How that start was chosen; null = without a race. */
  readonly race?: RaceResult | null | undefined;
  /** Where the architecture is an imported network. */
  readonly transfer?: TransferReport | undefined;
  /** The version whose lineage this one continues: its feedback counts as learnt here too. */
  readonly parent: number | null;
  /** The champion that the gate measured it against. */
  readonly comparedWith: number | null;
  readonly manifest: ObjectRef | null;
  /** What the person said who submitted it. */
  readonly note?: string | undefined;
  /** On the frozen holdout. */
  readonly metrics: CardMetrics;
  readonly gate: GateReport;
  readonly gateTable: GateTable | null;
}

export const encodeModelCard = (card: ModelCard): Uint8Array => encodeJson(card);

/** @throws RelearnError corrupt/`corrupt_record` */
export const decodeModelCard = (bytes: Uint8Array, key: string): ModelCard =>
  decodeJson(schema, bytes, key);
