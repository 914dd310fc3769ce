/** Checks for the reports that are stored: the same shapes as reports.ts, read back from disk. */
import { z } from 'zod';
import type { GateReport, TrainReport } from './reports.ts';

export const verdictSchema = z.enum(['promote', 'reject', 'not-enough-evidence', 'first']);

const count = z.int().nonnegative();
const share = z.number().min(0).max(1);

const comparison = { n: count, onlyCandidate: count, onlyChampion: count };

const findingSchema = z.discriminatedUnion('code', [
  z.object({ code: z.literal('better'), ...comparison }),
  z.object({ code: z.literal('not_enough_evidence'), ...comparison }),
  z.object({ code: z.literal('worse'), n: count, drop: share, pValue: share }),
  z.object({ code: z.literal('class_regression'), label: z.string(), drop: share, pValue: share }),
  z.object({ code: z.literal('collapsed'), label: z.string() }),
  z.object({ code: z.literal('non_finite'), n: count, broken: count }),
  z.object({ code: z.literal('empty_holdout') }),
  z.object({ code: z.literal('champion_changed'), version: z.int().positive().nullable() }),
]);

export const gateReportSchema: z.ZodType<GateReport> = z.object({
  verdict: verdictSchema,
  championAccuracy: z.number().min(0).max(1).nullable(),
  pValue: z.number().min(0).max(1).nullable(),
  needed: z.int().positive().nullable(),
  reasons: z.array(z.string()),
  // A finding that only a later release knows must not make its whole report unreadable.
  findings: z.array(findingSchema).optional().catch(undefined),
});

export const startSchema = z.enum(['champion', 'scratch']);

export const raceSchema = z.object({
  rounds: z.int().positive(),
  championLoss: z.number().nullable(),
  scratchLoss: z.number().nullable(),
});

export const transferSchema = z.object({
  blocks: z.int().nonnegative(),
  tuned: z.int().nonnegative(),
  kept: z.boolean(),
  headLoss: z.number().nullable(),
  tunedLoss: z.number().nullable(),
  mirror: z.boolean(),
});

export const trainReportSchema: z.ZodType<TrainReport> = z.object({
  version: z.int().positive(),
  parent: z.int().positive().nullable(),
  architecture: z.string(),
  rounds: z.number(),
  steps: z.number(),
  stoppedBecause: z.enum([
    'patience',
    'rounds',
    'target-accuracy',
    'minutes',
    'schedule-finished',
    'submitted',
  ]),
  seconds: z.number(),
  imagesPerSecond: z.number(),
  holdout: z.object({
    n: z.int().nonnegative(),
    accuracy: z.number(),
    interval: z.tuple([z.number(), z.number()]),
    perLabel: z.record(
      z.string(),
      z.object({
        n: z.int().nonnegative(),
        recall: z.number().nullable(),
        precision: z.number().nullable(),
      }),
    ),
    confusionMatrix: z.object({
      labels: z.array(z.string()),
      rows: z.array(z.array(z.number())),
    }),
  }),
  gate: gateReportSchema,
  start: startSchema.optional(),
  race: raceSchema.nullish(),
  transfer: transferSchema.optional(),
});
