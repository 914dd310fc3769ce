/** Relearn as one process of a simulation has it: the loop's own components, over its view of the store. */
import type { Random } from '../../src/base/random.ts';
import type { Components } from '../../src/loop/components.ts';
import { createBasePictures } from '../../src/loop/datasets/base-pictures.ts';
import { probeKey } from '../../src/records/keys.ts';
import { readVerified } from '../../src/records/read-verified.ts';
import { loadSettings } from '../../src/records/stored-settings.ts';
import { createManifestReader } from '../../src/registry/feedback-index.ts';
import { openLeaseDesk } from '../../src/registry/lease.ts';
import { openRegistryLog } from '../../src/registry/registry-log.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { probeStore } from '../../src/storage/probe.ts';
import { openTestClassifier } from '../loop-store.ts';
import { createOneStepTrainer, type Poison } from './one-step-trainer.ts';
import { simulatedDecoder } from './put-by-hand.ts';
import type { VirtualProcess } from './virtual-time.ts';

export const openProcess = async (
  { name, clock, newId }: VirtualProcess,
  store: ObjectStore,
  random: Random,
  poison: Poison,
): Promise<Components> => {
  const settings = await loadSettings(store);
  let proved: Promise<void> | undefined;
  const registry = openRegistryLog(store, {
    clock,
    newId,
    beforeAppend: () => {
      proved ??= probeStore(store, probeKey(newId())).catch((error: unknown) => {
        proved = undefined;
        throw error;
      });
      return proved;
    },
  });
  const readManifest = createManifestReader(store);
  return {
    settings,
    store,
    registry,
    leases: openLeaseDesk({ store, log: registry, clock, newId, owner: name }),
    basePictures: createBasePictures(store),
    trainer: createOneStepTrainer({ store, settings, clock }, random, poison),
    openClassifier: openTestClassifier,
    readModel: (ref) => readVerified(store, ref),
    toFeedbackItem: simulatedDecoder,
    observer: {},
    keepPredictions: true,
    clock,
    newId,
    log: () => {},
    env: {},
    owner: name,
    feedbackQuery: (state) => ({ store, state, settings, readManifest }),
  };
};
