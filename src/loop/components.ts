/**
 * The composition root: the one place that turns a store's URL into the objects everything in the
 * loop works with. Tests pass their own store, clock or trainer here.
 */
import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../base/clock.ts';
import type { Classifier } from '../engine/runtime/classifier.ts';
import { probeKey } from '../records/keys.ts';
import { readVerified } from '../records/read-verified.ts';
import type { Settings } from '../records/settings.ts';
import { loadSettings } from '../records/stored-settings.ts';
import { createManifestReader, type FeedbackQuery } from '../registry/feedback-index.ts';
import { type LeaseDesk, openLeaseDesk } from '../registry/lease.ts';
import { openRegistryLog, type RegistryLog } from '../registry/registry-log.ts';
import type { RegistryState } from '../registry/registry-state.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { type CredentialSource, type Environment, openStore } from '../storage/open-store.ts';
import { probeStore } from '../storage/probe.ts';
import { watchStore } from '../storage/watch-store.ts';
import { type BasePictures, createBasePictures } from './datasets/base-pictures.ts';
import type { Observer } from './observer.ts';
import { isOwnerDead, nameThisProcess } from './process-owner.ts';
import { createModelCache, type ReadModel } from './serving/model-cache.ts';
import { toFeedbackItem } from './serving/store-picture.ts';
import { createForkTrainer } from './training/fork-trainer.ts';
import type { Trainer } from './training/trainer.ts';

/** Says what happened, for the person who runs the program. Never receives pictures or secrets. */
export type Log = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

/** Loads a model file that was checked against its hash. */
export type OpenClassifier = (model: Uint8Array) => Promise<Classifier>;

export interface RelearnOptions {
  /** A path, `file:` URL, another URL that the storage understands, or an opened store. */
  readonly store: string | ObjectStore;
  /**
   * Where models answer: `worker` = in a worker thread, so that the calling thread never blocks
   * (servers); `thread` = in the calling thread, which starts faster (one-off commands). Default
   * `thread`.
   */
  readonly inference?: 'worker' | 'thread';
  /**
   * Where a bucket's region, endpoint and credentials are looked for that its URL does not name,
   * and a hub's address and token: usually those of the process. Default: nothing but what Amazon's
   * client finds by itself, and the public hub.
   */
  readonly env?: Environment;
  /** A bucket's credentials in place of those of the environment; asked before every call. */
  readonly credentials?: CredentialSource;
  /**
   * Prove at once that the store keeps the promises the log rests on, for a process that trains
   * much later. Default: before the first entry of the log.
   */
  readonly proveStore?: boolean;
  /** Milliseconds that a call to a bucket may wait in all, its tries together. Default 10,000. */
  readonly patience?: number;
  /** Keep the pictures of predictions for 24 hours, so that feedback can name them by id. Default off. */
  readonly keepPredictions?: boolean;
  /**
   * A classifier's ONNX file that becomes the first version where the store has none, by lease and
   * log like any other; see `models.submit`. It must name its labels in its metadata.
   */
  readonly firstModel?: string;
  /** A folder that keeps model files by their hash, such as a disk that many instances share. */
  readonly modelCache?: string;
  /** Threads of one inference, and of the training. Default: 1, and every core. */
  readonly threads?: number;
  readonly clock?: Clock;
  readonly newId?: () => string;
  readonly log?: Log;
  /** Told what to count. Default: nobody. */
  readonly observer?: Observer;
  /** Default: a child process. A store that is passed as an object needs one of its own. */
  readonly trainer?: Trainer;
  readonly openClassifier?: OpenClassifier;
}

/** What every part of the loop works with. */
export interface Components {
  readonly settings: Settings;
  readonly store: ObjectStore;
  readonly registry: RegistryLog;
  readonly leases: LeaseDesk;
  readonly basePictures: BasePictures;
  readonly trainer: Trainer;
  readonly openClassifier: OpenClassifier;
  /** A version's file, checked against its hash. */
  readonly readModel: ReadModel;
  /** Decodes a received picture and writes it anew, as it is stored. */
  readonly toFeedbackItem: typeof toFeedbackItem;
  readonly keepPredictions: boolean;
  readonly env: Environment;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly log: Log;
  readonly observer: Observer;
  /** This process, as its leases name it. */
  readonly owner: string;
  /** What the feedback index asks for. */
  feedbackQuery(state: RegistryState): FeedbackQuery;
}

/** The engine is loaded on first use, so that a process that never predicts never pays for it. */
const openerFor =
  (inference: 'worker' | 'thread', threads: number): OpenClassifier =>
  async (model) => {
    if (inference === 'worker') {
      const { createWorkerClassifier } = await import('../engine/runtime/worker-classifier.ts');
      // All built files lie in one folder, whichever of them this code ends up in.
      const entry = new URL('./classifier-worker.js', import.meta.url);
      return createWorkerClassifier(model, { threads, entry });
    }
    const { createClassifier } = await import('../engine/runtime/create-classifier.ts');
    return createClassifier(model, { threads });
  };

const trainerFor = ({ store, threads, credentials }: RelearnOptions): Trainer =>
  typeof store === 'string'
    ? createForkTrainer({
        store,
        ...(threads ? { threads } : {}),
        ...(credentials ? { credentials } : {}),
      })
    : () => Promise.reject(new Error('A store passed as an object needs a trainer option.'));

/** Runs once; again only where it failed. */
const once = (run: () => Promise<void>): (() => Promise<void>) => {
  let done: Promise<void> | undefined;
  return () => {
    done ??= run().catch((error) => {
      done = undefined;
      throw error;
    });
    return done;
  };
};

/** @throws RelearnError not-found/`store_not_found`, and what the storage throws */
export const openComponents = async (options: RelearnOptions): Promise<Components> => {
  const {
    clock = systemClock,
    newId = randomUUID,
    log = () => {},
    observer = {},
    keepPredictions = false,
  } = options;
  const opened =
    typeof options.store === 'string'
      ? await openStore(options.store, {
          clock,
          newId,
          ...(options.env ? { env: options.env } : {}),
          ...(options.credentials ? { credentials: options.credentials } : {}),
          ...(options.patience === undefined ? {} : { limits: { patience: options.patience } }),
        })
      : options.store;
  const { stored } = observer;
  const store = stored ? watchStore(opened, clock, stored) : opened;
  const settings = await loadSettings(store);
  const prove = once(() => probeStore(store, probeKey(newId())));
  if (options.proveStore) await prove();
  const registry = openRegistryLog(store, { clock, newId, beforeAppend: prove });
  const owner = await nameThisProcess();
  const readManifest = createManifestReader(store);
  const readModel: ReadModel = (ref) => readVerified(store, ref);
  return {
    settings,
    store,
    registry,
    leases: openLeaseDesk({
      store,
      log: registry,
      clock,
      newId,
      owner,
      isOwnerDead: isOwnerDead(owner),
    }),
    basePictures: createBasePictures(store),
    trainer: options.trainer ?? trainerFor(options),
    openClassifier:
      options.openClassifier ?? openerFor(options.inference ?? 'thread', options.threads ?? 1),
    readModel: options.modelCache
      ? createModelCache({ folder: options.modelCache, readModel, log, newId })
      : readModel,
    toFeedbackItem,
    keepPredictions,
    env: options.env ?? {},
    clock,
    newId,
    log,
    observer,
    owner,
    feedbackQuery: (state) => ({ store, state, settings, readManifest }),
  };
};
