/**
 * The shapes of every body, in and out. They check what comes in and are printed as the OpenAPI
 * document.
 */
import { z } from 'zod';
import { gateReportSchema, trainReportSchema, verdictSchema } from '../records/report-schemas.ts';
import { invalid } from './error-table.ts';
import { pointerTo } from './read-json.ts';

const share = z.number().min(0).max(1);
const version = z.int().min(1);

export const dataUrl = z.string().meta({ description: 'data:image/jpeg;base64,…' });
export const binary = z.string().meta({ contentMediaType: 'application/octet-stream' });
export const anything = z.unknown();
export const text = z.string();

export const pictureBody = z.strictObject({ picture: dataUrl });
export const picturesBody = z.strictObject({ pictures: z.array(dataUrl).min(1) });
export const pictureForm = z.strictObject({ picture: binary });

/** `to` absent: one champion back. */
export const rollbackBody = z.strictObject({
  to: z
    .int()
    .min(1)
    .optional()
    .meta({ description: 'As far back as this champion; given again, it changes nothing.' }),
});

const target = z.string().meta({ description: 'A label or one of its aliases.' });
const predictionId = z.string().min(1).max(200);
const verdict = z.enum(['right', 'wrong', 'neither', 'unsure']);
export const pictureFeedback = z.strictObject({ picture: dataUrl, target });
export const pictureFeedbackForm = z.strictObject({ picture: binary, target });
export const predictionFeedback = z
  .strictObject({ predictionId, target: target.optional(), verdict: verdict.optional() })
  .refine((body) => body.target !== undefined || body.verdict !== undefined, {
    path: ['target'],
    message: 'a target or a verdict is needed',
  });

export const prediction = z.object({
  result: z.record(z.string(), share),
  label: z.string(),
  version,
  predictionId: z.string(),
});
const itemError = z.object({ error: z.object({ code: z.string(), title: z.string() }) });
export const predictions = z.object({ results: z.array(z.union([prediction, itemError])) });

export const feedbackReceipt = z.object({
  result: z.literal(true),
  id: z.string(),
  status: z.enum(['accepted', 'duplicate', 'review']),
  reason: z.literal('held-back').optional().meta({
    description:
      'The picture judges models (validation or holdout): its label stays, whatever people say of it.',
  }),
});

export const invokeReport = z.object({
  result: z.union([
    z.object({ trained: z.literal(true), version, gate: gateReportSchema }),
    z.object({ trained: z.literal(false), reason: z.string() }),
  ]),
});

const versionSummary = z.object({
  version,
  parent: version.nullable(),
  createdAt: z.string(),
  accuracy: share,
  verdict: verdictSchema,
});
export const modelsReport = z.object({
  champion: version.nullable(),
  versions: z.array(versionSummary),
});

const trainingProgress = z.object({
  since: z.string(),
  phase: z.enum(['preparing', 'training', 'evaluating', 'publishing']),
  round: z.number(),
  rounds: z.number().nullable(),
  epoch: z.number(),
  step: z.number(),
  steps: z.number().nullable(),
  loss: z.number().nullable(),
  bestAccuracy: share.nullable(),
  roundsLeft: z.number(),
  imagesPerSecond: z.number(),
  secondsLeft: z.number().nullable(),
});
export const statusReport = z.object({
  labels: z.array(z.string()),
  functions: z.array(z.string()),
  champion: version.nullable(),
  base: z.record(z.string(), z.int()).nullable(),
  pending: z.record(z.string(), z.int()),
  learnt: z.record(z.string(), z.int()),
  threshold: z.int(),
  folders: z.record(z.string(), z.string()),
  unread: z.record(z.string(), z.int()),
  quarantined: z.record(z.string(), z.int()),
  misnamed: z.record(z.string(), z.int()),
  training: trainingProgress.nullable(),
  leaseUntil: z.string().nullable(),
  resumable: z
    .object({
      id: z.string(),
      startedAt: z.string(),
      savedAt: z.string(),
      rounds: z.int(),
      step: z.int(),
    })
    .nullable(),
  lastRun: trainReportSchema.nullable(),
});
export const runsReport = z.object({
  runs: z.array(
    z.object({
      id: z.string(),
      startedAt: z.string(),
      version: version.nullable(),
      points: z.array(
        z.object({
          step: z.number(),
          trainLoss: z.number(),
          trainAccuracy: z.number(),
          validationLoss: z.number().nullable(),
          validationAccuracy: z.number(),
        }),
      ),
      report: trainReportSchema.nullable(),
    }),
  ),
});
export const feedbackList = z.object({
  items: z.array(
    z.object({
      id: z.string(),
      label: z.string(),
      receivedAt: z.string(),
      source: z.string(),
    }),
  ),
});
export const health = z.object({ ok: z.literal(true) });
export const readiness = z.object({ ready: z.literal(true) });
export const problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  hint: z.string(),
  requestId: z.string(),
});

/** @throws RelearnError invalid/`unknown_field` or `invalid_field`, with a JSON pointer */
export const check = <Shape extends z.ZodType>(shape: Shape, value: unknown): z.infer<Shape> => {
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue?.code === 'unrecognized_keys') {
    const pointer = pointerTo([...issue.path, issue.keys[0] ?? '']);
    throw invalid('unknown_field', 'A field is not known.', { pointer });
  }
  throw invalid('invalid_field', 'A field is missing or has the wrong form.', {
    pointer: pointerTo(issue?.path ?? []),
  });
};
