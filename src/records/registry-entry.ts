/**
 * One entry of the registry's log. What happened is decided by these and nothing else; every other
 * object is data that an entry names by key and hash.
 */
import { z } from 'zod';
import { objectRefSchema, sha256Schema, timeSchema } from './json-object.ts';
import { gateReportSchema } from './report-schemas.ts';

/** A reader acts only on entries that ask for this version or a lower one. */
export const readerVersion = 1;

const envelope = {
  /** Tells one writer's attempt from another's when both meant the same slot. */
  writeId: z.string().min(1),
  minReaderVersion: z.int().positive(),
  /** For people; the order is the slot's. */
  at: timeSchema,
};

const version = z.int().positive();
const epoch = z.int().positive();

const candidate = {
  ...envelope,
  epoch,
  runId: z.string().min(1),
  /** The version whose lineage this one continues, and whose weights it could start from. */
  parent: version.nullable(),
  /** The champion that the gate measured it against. */
  comparedWith: version.nullable(),
  architecture: z.string().min(1),
  model: z.object({ key: z.string().min(1), sha256: sha256Schema, size: z.int().positive() }),
  card: objectRefSchema,
  manifest: objectRefSchema.nullable(),
  /** On the frozen holdout. */
  accuracy: z.number().min(0).max(1),
  holdoutSize: z.int().nonnegative(),
  gate: gateReportSchema,
};

export const registryEntrySchema = z.discriminatedUnion('type', [
  /** Base data became visible. */
  z.object({ type: z.literal('import'), ...envelope, manifest: objectRefSchema }),
  /** Somebody may train. The epoch is the number of this entry's own slot. */
  z.object({ type: z.literal('lease'), ...envelope, epoch, owner: z.string().min(1) }),
  /** What the holder of the lease trains on. */
  z.object({
    type: z.literal('claim'),
    ...envelope,
    epoch,
    manifest: objectRefSchema,
    /** The step of the checkpoint that it goes on from; absent = it begins. */
    step: z.int().nonnegative().optional(),
  }),
  /** A new version that is champion from here. */
  z.object({ type: z.literal('publish'), ...candidate }),
  /** A new version that is not. */
  z.object({ type: z.literal('reject'), ...candidate }),
  /** The holder of the lease is done, or gave up; a claim without a version is void. */
  z.object({ type: z.literal('release'), ...envelope, epoch, reason: z.string() }),
  /** A person made this version champion. */
  z.object({ type: z.literal('promote'), ...envelope, version }),
  /** A person went back to the champion before. */
  z.object({ type: z.literal('rollback'), ...envelope, from: version, to: version }),
  /** A person brings feedback back from quarantine: failures are counted anew from here. */
  z.object({ type: z.literal('retry'), ...envelope, objects: z.int().positive() }),
]);

export type RegistryEntry = Readonly<z.infer<typeof registryEntrySchema>>;
export type RegistryEntryType = RegistryEntry['type'];
export type EntryOf<Type extends RegistryEntryType> = Extract<RegistryEntry, { type: Type }>;

type Envelope = 'writeId' | 'minReaderVersion' | 'at';
type WithoutEnvelope<Entry> = Entry extends unknown ? Omit<Entry, Envelope> : never;
/** An entry before the log gives it its write id and time. */
export type EntryDraft = WithoutEnvelope<RegistryEntry>;

export const knownEntryTypes: ReadonlySet<string> = new Set(
  registryEntrySchema.options.map((option) => option.shape.type.value),
);

/** What every entry of every later format still has. */
export const entryHeaderSchema = z.looseObject({
  type: z.string().min(1),
  minReaderVersion: z.int().positive(),
  writeId: z.string().min(1),
});
