/** The settings object of a store: created once, read by everybody. */
import { z } from 'zod';
import { RelearnError } from '../base/errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { decodeJson, encodeJson, labelIdSchema, objectRefSchema } from './json-object.ts';
import { logSlotKey, settingsKey } from './keys.ts';
import type { Settings } from './settings.ts';

const schema = z
  .object({
    formatVersion: z.literal(1),
    labels: z.array(z.string().min(1)).min(2),
    labelIds: z.array(labelIdSchema),
    aliases: z.record(z.string(), z.string()),
    architecture: z.string().min(1),
    backbone: objectRefSchema.optional(),
    imageSize: z.int().positive(),
    threshold: z.int().positive(),
    holdout: z.number().gt(0).lt(1),
    validation: z.number().gt(0).lt(1),
  })
  .refine(
    ({ labels, labelIds }) =>
      labelIds.length === labels.length &&
      new Set(labels).size === labels.length &&
      new Set(labelIds).size === labels.length,
    'every label needs one id of its own',
  )
  .refine(
    ({ labels, aliases }) => Object.values(aliases).every((label) => labels.includes(label)),
    'every alias must stand for a label',
  );

/** What settings of every format have. */
const headerSchema = z.looseObject({ formatVersion: z.int().positive() });

/** Whether they are settings of a store, of whatever format, and no other program's. */
export const areSettings = (bytes: Uint8Array): boolean => {
  try {
    decodeJson(headerSchema, bytes, settingsKey);
    return true;
  } catch {
    return false;
  }
};

/**
 * @param name what people are told that is damaged
 * @throws RelearnError unavailable/`store_too_new`, corrupt/`corrupt_record`
 */
export const decodeSettings = (bytes: Uint8Array, name: string = settingsKey): Settings => {
  const { formatVersion } = decodeJson(headerSchema, bytes, settingsKey, name);
  if (formatVersion > 1) {
    throw new RelearnError(
      'unavailable',
      'store_too_new',
      `The settings of this store have format ${formatVersion}, which this program does not know.`,
      { hint: 'Upgrade relearn; a newer release has made this store.', details: { formatVersion } },
    );
  }
  return decodeJson(schema, bytes, settingsKey, name);
};

/**
 * A log without settings is a store that lost them, or a copy that is not finished. New settings could
 * name other labels, and what was answered under the old ones would be set aside.
 */
const refuseLostSettings = async (store: ObjectStore): Promise<void> => {
  if ((await store.head(logSlotKey(1))) === undefined) return;
  throw new RelearnError(
    'corrupt',
    'settings_missing',
    `The store at ${store.location} has a log, but its settings are not there.`,
    {
      hint: 'Put the object `settings` back from a copy of the store. If `store copy` was stopped on its way here, give it again.',
    },
  );
};

/** @throws RelearnError not-found/`store_not_found`, corrupt/`settings_missing`, and those of `decodeSettings` */
export const loadSettings = async (store: ObjectStore): Promise<Settings> => {
  const bytes = await store.get(settingsKey);
  if (!bytes) {
    await refuseLostSettings(store);
    throw new RelearnError(
      'not-found',
      'store_not_found',
      `There is no store at ${store.location}.`,
      {
        hint: `Create it with: relearn init --labels cat,dog --store '${store.location}'`,
      },
    );
  }
  return decodeSettings(bytes, `The object settings in ${store.location}`);
};

const storeExists = (store: ObjectStore): RelearnError =>
  new RelearnError('conflict', 'store_exists', `There is a store at ${store.location} already.`, {
    hint: 'Use it, or choose another place with --store.',
  });

/** @throws RelearnError conflict/`store_exists`, corrupt/`settings_missing` */
export const refuseExistingStore = async (store: ObjectStore): Promise<void> => {
  if (await store.head(settingsKey)) throw storeExists(store);
  await refuseLostSettings(store);
};

/** @throws RelearnError conflict/`store_exists`, where somebody was faster */
export const saveNewSettings = async (store: ObjectStore, settings: Settings): Promise<void> => {
  const outcome = await store.putIfAbsent(settingsKey, encodeJson(settings));
  if (outcome === 'exists') throw storeExists(store);
};
