/** Creates a store: the folder or bucket, a proof that it keeps its promises, and the settings. */
import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../../base/clock.ts';
import type { Normalization } from '../../engine/onnx/normalize-pictures.ts';
import { createSettings, type SettingsInput } from '../../records/create-settings.ts';
import { probeKey } from '../../records/keys.ts';
import type { InitReport } from '../../records/reports.ts';
import { refuseExistingStore, saveNewSettings } from '../../records/stored-settings.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { type CredentialSource, type Environment, openStore } from '../../storage/open-store.ts';
import { probeStore } from '../../storage/probe.ts';
import { type HubOptions, hubOptions, importArchitecture } from '../training/backbones.ts';
import { refuseOverlap } from './refuse-overlap.ts';

export interface InitOptions extends SettingsInput, HubOptions {
  readonly store: string | ObjectStore;
  /** As in `TrainOptions`. */
  readonly features?: string;
  readonly normalization?: Normalization;
  readonly clock?: Clock;
  readonly newId?: () => string;
  /** As for `createRelearn`. */
  readonly env?: Environment;
  readonly credentials?: CredentialSource;
  /** Called with its name after a bucket was created for the store. */
  onBucketCreated?(name: string): void;
}

/** @throws RelearnError usage where a setting can't be, conflict/`store_exists`, conflict/`store_overlaps` */
export const initStore = async (options: InitOptions): Promise<InitReport> => {
  const { clock = systemClock, newId = randomUUID } = options;
  // Checked first, so that a wrong option leaves no folder behind.
  const imported = await importArchitecture(options.architecture, {
    imageSize: options.imageSize,
    features: options.features,
    normalization: options.normalization,
    env: options.env ?? {},
    from: hubOptions(options),
  });
  const settings = createSettings(
    imported ? { ...options, architecture: imported.name, backbone: imported } : options,
  );
  const store =
    typeof options.store === 'string'
      ? await openStore(options.store, {
          clock,
          newId,
          create: true,
          ...(options.env ? { env: options.env } : {}),
          ...(options.credentials ? { credentials: options.credentials } : {}),
          ...(options.onBucketCreated ? { onCreated: options.onBucketCreated } : {}),
        })
      : options.store;
  await refuseExistingStore(store);
  await refuseOverlap(store);
  await probeStore(store, probeKey(newId()));
  if (imported) await store.putIfAbsent(imported.ref.key, imported.file);
  await saveNewSettings(store, settings);
  const { labels, aliases, architecture, imageSize, threshold, holdout, validation } = settings;
  return {
    labels,
    aliases,
    architecture,
    ...(imported ? { blocks: imported.blocks } : {}),
    imageSize,
    threshold,
    holdout,
    validation,
  };
};
