/**
 * Removes what nothing refers to: what trainings and imports left behind that ended early, copies of
 * feedback that lie in the archive or came back from quarantine, old pictures of predictions. Never a slot of the log, never what
 * is younger than the safety age: a training may have uploaded it and not registered it yet.
 */
import { RelearnError } from '../../base/errors.ts';
import { decodeImportManifest } from '../../records/import-manifest.ts';
import {
  basePrefix,
  feedbackPrefix,
  heartbeatKey,
  heartbeatPrefix,
  modelsPrefix,
  parseItemKey,
  predictionsPrefix,
  probePrefix,
  quarantinePrefix,
  runsPrefix,
} from '../../records/keys.ts';
import { readVerified } from '../../records/read-verified.ts';
import type { GarbageReport } from '../../records/reports.ts';
import { readQuarantine } from '../../registry/read-quarantine.ts';
import type { RegistryState } from '../../registry/registry-state.ts';
import { storageTime } from '../../registry/storage-time.ts';
import type { ObjectInfo, ObjectStore } from '../../storage/object-store.ts';
import type { Components } from '../components.ts';
import { consumedNames, isArchived, isSpareCopy } from '../feedback/archive-consumed.ts';
import { holdingLease } from '../training/train-candidate.ts';

const day = 24 * 60 * 60 * 1000;

export interface GarbageOptions {
  /** Days that an object must be old before it goes; default 7. */
  readonly olderThan?: number;
  /** Say what would go, and remove nothing. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
  onProgress?(progress: { readonly done: number; readonly total: null }): void;
}

/** The folder below a prefix: `runs/abc/` of `runs/abc/run.json`. */
const folderOf = (prefix: string, key: string): string =>
  key.slice(0, key.indexOf('/', prefix.length) + 1);

/** Everything that the log and the settings name, directly or through a manifest. */
const namedKeys = async (
  { store, settings, feedbackQuery }: Components,
  state: RegistryState,
): Promise<ReadonlySet<string>> => {
  const { readManifest } = feedbackQuery(state);
  const keys = new Set<string>();
  for (const ref of state.imports) {
    keys.add(ref.key);
    const { rows } = decodeImportManifest(await readVerified(store, ref), ref.key);
    for (const { shard } of rows) keys.add(shard);
  }
  for (const { manifest: ref } of state.claims) {
    keys.add(ref.key);
    const { backbone } = await readManifest(ref);
    if (backbone) keys.add(backbone.key);
  }
  for (const { entry } of state.versions) {
    keys.add(entry.model.key).add(entry.card.key);
    if (entry.manifest) keys.add(entry.manifest.key);
  }
  if (settings.backbone) keys.add(settings.backbone.key);
  return keys;
};

/** What of one prefix may go, whatever its age. */
interface Rule {
  readonly prefix: string;
  /** Days; where it differs from the safety age. */
  readonly age?: number;
  isGarbage(object: ObjectInfo): boolean | Promise<boolean>;
}

const rulesFor = async (components: Components, state: RegistryState): Promise<readonly Rule[]> => {
  const { store } = components;
  const named = await namedKeys(components, state);
  const runs = new Set(
    [...named]
      .filter((key) => key.startsWith(runsPrefix))
      .map((key) => folderOf(runsPrefix, key))
      .concat(state.versions.map(({ entry }) => `${runsPrefix}${entry.runId}/`)),
  );
  const consumed = await consumedNames(components, state);
  const spare = new Set((await readQuarantine(store)).spare.map(({ key }) => key));
  const isUnnamed = ({ key }: ObjectInfo) => !named.has(key);
  return [
    { prefix: basePrefix, isGarbage: isUnnamed },
    { prefix: modelsPrefix, isGarbage: isUnnamed },
    { prefix: runsPrefix, isGarbage: ({ key }) => !runs.has(folderOf(runsPrefix, key)) },
    { prefix: probePrefix, isGarbage: () => true },
    {
      prefix: heartbeatPrefix,
      isGarbage: ({ key }) => key !== (state.lease ? heartbeatKey(state.lease.epoch) : null),
    },
    { prefix: quarantinePrefix, isGarbage: ({ key }) => spare.has(key) },
    // They answer feedback by id for a day and no longer.
    { prefix: predictionsPrefix, age: 1, isGarbage: () => true },
    {
      prefix: feedbackPrefix,
      isGarbage: async ({ key }) => {
        const item = parseItemKey(key);
        if (!item || !consumed.has(`${item.labelId}/${item.sha256}`)) return false;
        return (await isArchived(store, item)) && isSpareCopy(store, key, item);
      },
    },
  ];
};

/** Lists first and removes after, so that no list is read while it changes. */
const garbageOf = async (store: ObjectStore, rule: Rule, oldest: number): Promise<ObjectInfo[]> => {
  const found: ObjectInfo[] = [];
  for await (const object of store.list(rule.prefix))
    if (object.modifiedAt < oldest && (await rule.isGarbage(object))) found.push(object);
  return found;
};

const remove = async (
  components: Components,
  { olderThan = 7, dryRun = false, onProgress }: GarbageOptions,
  signal: AbortSignal | undefined,
): Promise<GarbageReport> => {
  const { store, registry, clock, newId } = components;
  const now = (await storageTime(store, newId())) ?? clock.now();
  const state = await registry.read();
  const keys: string[] = [];
  let bytes = 0;
  for (const rule of await rulesFor(components, state)) {
    for (const { key, size } of await garbageOf(store, rule, now - (rule.age ?? olderThan) * day)) {
      signal?.throwIfAborted();
      if (!dryRun) await store.delete(key);
      keys.push(key);
      bytes += size;
      onProgress?.({ done: keys.length, total: null });
    }
  }
  return { removed: keys.length, bytes, keys };
};

/**
 * Holds the lease while it removes: a training could be about to name an old object again.
 * @throws RelearnError conflict/`already_training`; corrupt, where something that the log names
 * can't be read: then nothing is removed; unavailable/`store_too_new`, where a newer release may
 * name what this one can't see
 */
export const collectGarbage = async (
  components: Components,
  options: GarbageOptions = {},
): Promise<GarbageReport> => {
  const { halted } = await components.registry.read();
  if (halted) {
    throw new RelearnError('unavailable', 'store_too_new', `The log goes on: ${halted.reason}.`, {
      hint: 'Upgrade relearn; a newer release has written to this store.',
    });
  }
  if (options.dryRun) return remove(components, options, options.signal);
  const { lease } = await components.leases.tryAcquire();
  if (!lease) {
    throw new RelearnError('conflict', 'already_training', 'A training is running in this store.', {
      hint: 'Run relearn gc again when it has ended; relearn status shows how far it is.',
    });
  }
  return holdingLease(components, lease, options.signal, (signal) =>
    remove(components, options, signal),
  );
};
