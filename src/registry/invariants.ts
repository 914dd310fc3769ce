/** The promises of a store as predicates, for fsck and for tests after every fault. */
import { isRelearnError } from '../base/errors.ts';
import { findLostShards } from '../data/lost-shards.ts';
import { decodeFeedbackItem, isFeedbackItem } from '../records/feedback-item.ts';
import { addRows, decodeImportManifest, type ImportRow } from '../records/import-manifest.ts';
import type { ObjectRef } from '../records/json-object.ts';
import {
  archivePrefix,
  basePrefix,
  feedbackPrefix,
  itemPlaces,
  logPrefix,
  logSlotKey,
  modelsPrefix,
  parseItemKey,
  parseLogSlotKey,
  probePrefix,
  settingsKey,
} from '../records/keys.ts';
import { decodeModelCard } from '../records/model-card.ts';
import { readVerified } from '../records/read-verified.ts';
import { decodeSettings } from '../records/stored-settings.ts';
import { decodeTrainingManifest, type TrainingManifest } from '../records/training-manifest.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { largestForeign } from './read-misnamed.ts';
import { type Quarantine, readQuarantine } from './read-quarantine.ts';
import type { RegistryLog } from './registry-log.ts';
import { lineageOf, type RegistryState } from './registry-state.ts';

/**
 * I1: accepted feedback can be read. I2: an item is in one published manifest of a lineage. I3: the
 * log has no holes. I4: what an entry names exists and matches its hash. I5: only the holder of the
 * lease published. I9: what nothing refers to does not stay for ever.
 */
export interface Problem {
  readonly invariant: 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I9';
  readonly key: string;
  readonly message: string;
}

export interface CheckOptions {
  /** Milliseconds since 1970, by the storage's clock. */
  readonly now: number;
  /** Milliseconds that an object may lie unnamed, default seven days. */
  readonly orphanAge?: number;
  /** Told of what somebody put under `feedback/`: it is judged when it is taken in. */
  onUnread?(key: string): void;
}

const week = 7 * 24 * 60 * 60 * 1000;

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

async function* brokenItems(
  store: ObjectStore,
  onUnread: CheckOptions['onUnread'],
): AsyncGenerator<Problem> {
  for (const prefix of [feedbackPrefix, archivePrefix]) {
    for await (const { key, size } of store.list(prefix)) {
      const named = parseItemKey(key);
      // It may be too large to be read here.
      const isForeign = prefix === feedbackPrefix && (!named || size > largestForeign);
      const bytes = isForeign || !named ? undefined : await store.get(key);
      // Nobody puts nothing there: an empty object was an item.
      const isByHand = bytes && bytes.length > 0 && !isFeedbackItem(bytes);
      if (isForeign || (prefix === feedbackPrefix && isByHand)) onUnread?.(key);
      else if (bytes && named) {
        try {
          const { header } = decodeFeedbackItem(bytes, key);
          if (header.sha256 === named.sha256 && header.labelId === named.labelId) continue;
          yield { invariant: 'I1', key, message: 'holds another item than its name says' };
        } catch (error) {
          yield { invariant: 'I1', key, message: messageOf(error) };
        }
      }
    }
  }
}

/** What was set aside and can't be brought back. */
function* quarantinedForEver({ waiting }: Quarantine): Generator<Problem> {
  for (const { key, note } of waiting) {
    if (!note) yield { invariant: 'I1', key, message: 'was set aside, and its note is missing' };
  }
}

/** Items that a training has used and that lie nowhere any more. */
async function* lostItems(
  store: ObjectStore,
  manifests: ReadonlyMap<string, TrainingManifest>,
  { waiting }: Quarantine,
): AsyncGenerator<Problem> {
  const checked = new Set<string>();
  const setAside = new Set(waiting.map(({ note }) => note?.key));
  for (const { feedback } of manifests.values()) {
    for (const item of feedback) {
      const { key } = item;
      if (checked.has(key)) continue;
      checked.add(key);
      const places = [...itemPlaces(item)];
      let found = false;
      for (const place of places) found ||= (await store.head(place)) !== undefined;
      if (!found && !places.some((place) => setAside.has(place)))
        yield { invariant: 'I1', key, message: 'was trained on and is gone' };
    }
  }
}

function* itemsTrainedTwice(
  state: RegistryState,
  manifests: ReadonlyMap<string, TrainingManifest>,
): Generator<Problem> {
  const reported = new Set<string>();
  for (const { version } of state.versions.filter(({ entry }) => entry.type === 'publish')) {
    const seen = new Map<string, number>();
    for (const { version: ancestor, entry } of lineageOf(state, version)) {
      for (const { key, labelId, sha256: hash } of manifests.get(entry.manifest?.key ?? '')
        ?.feedback ?? []) {
        const item = `${labelId}/${hash}`;
        const other = seen.get(item);
        seen.set(item, ancestor);
        if (other === undefined || reported.has(item)) continue;
        reported.add(item);
        const message = `is new feedback of version ${ancestor} and of its descendant ${other}`;
        yield { invariant: 'I2', key, message };
      }
    }
  }
}

/** Slots that lie beyond a hole: the log's reader stops before them. */
async function* slotsOutOfReach(store: ObjectStore, state: RegistryState): AsyncGenerator<Problem> {
  for await (const { key } of store.list(logPrefix, { startAfter: logSlotKey(state.nextSlot) })) {
    if (parseLogSlotKey(key) === undefined) continue;
    yield { invariant: 'I3', key, message: `lies beyond the free slot ${state.nextSlot}` };
  }
}

function* fencedEntries(state: RegistryState): Generator<Problem> {
  for (const { slot, reason } of state.invalid) {
    yield { invariant: 'I5', key: logSlotKey(slot), message: `has no effect: ${reason}` };
  }
}

/** Objects that no entry names and that are older than any work in progress. */
async function* orphans(
  store: ObjectStore,
  named: ReadonlySet<string>,
  oldest: number,
): AsyncGenerator<Problem> {
  for (const prefix of [basePrefix, modelsPrefix, probePrefix]) {
    for await (const { key, modifiedAt } of store.list(prefix)) {
      if (named.has(key) || modifiedAt >= oldest) continue;
      yield { invariant: 'I9', key, message: 'is named by nothing in the log' };
    }
  }
}

/** What the log names, read and checked, one object at a time. */
const createNamedObjects = (store: ObjectStore, problems: Problem[]) => {
  const keys = new Set<string>();
  const manifests = new Map<string, TrainingManifest>();

  /** Undefined, and a problem noted, where it is missing or is not what was registered. */
  const check = async <T>(ref: ObjectRef, decode: (bytes: Uint8Array) => T) => {
    if (keys.has(ref.key)) return undefined;
    keys.add(ref.key);
    try {
      return decode(await readVerified(store, ref));
    } catch (error) {
      if (!isRelearnError(error) || error.kind !== 'corrupt') throw error;
      problems.push({ invariant: 'I4', key: ref.key, message: error.message });
      return undefined;
    }
  };

  const checkAll = async (state: RegistryState): Promise<void> => {
    const rows = new Map<string, ImportRow>();
    for (const ref of state.imports) {
      const manifest = await check(ref, (bytes) => decodeImportManifest(bytes, ref.key));
      for (const { shard } of manifest?.rows ?? []) keys.add(shard);
      if (manifest) addRows(rows, manifest);
    }
    for await (const lost of findLostShards(store, rows.values()))
      problems.push({ invariant: 'I4', ...lost });
    for (const { manifest: ref } of state.claims) {
      const manifest = await check(ref, (bytes) => decodeTrainingManifest(bytes, ref.key));
      if (manifest) manifests.set(ref.key, manifest);
      if (manifest?.backbone) await check(manifest.backbone, () => undefined);
    }
    const settings = await store.get(settingsKey);
    const backbone = settings && decodeSettings(settings).backbone;
    if (backbone) await check(backbone, () => undefined);
    for (const { entry } of state.versions) {
      await check(entry.model, () => undefined);
      await check(entry.card, (bytes) => decodeModelCard(bytes, entry.card.key));
    }
  };

  return { keys, manifests, checkAll };
};

/**
 * Reads everything in the store once. Problems are answers, not errors.
 * @throws RelearnError unavailable where the store can't be read
 */
export const checkInvariants = async (
  store: ObjectStore,
  log: RegistryLog,
  { now, orphanAge = week, onUnread }: CheckOptions,
): Promise<readonly Problem[]> => {
  const problems: Problem[] = [];
  const collect = async (found: AsyncIterable<Problem> | Iterable<Problem>): Promise<void> => {
    for await (const problem of found) problems.push(problem);
  };
  let complete = true;
  try {
    await log.read();
  } catch (error) {
    if (!isRelearnError(error) || error.kind !== 'corrupt') throw error;
    complete = false;
    const key = String(error.details?.key ?? logPrefix);
    problems.push({ invariant: 'I3', key, message: error.message });
  }
  const { state } = log;
  const named = createNamedObjects(store, problems);
  await named.checkAll(state);
  await collect(brokenItems(store, onUnread));
  const quarantine = await readQuarantine(store);
  await collect(quarantinedForEver(quarantine));
  await collect(lostItems(store, named.manifests, quarantine));
  await collect(itemsTrainedTwice(state, named.manifests));
  await collect(fencedEntries(state));
  // Behind a damaged slot, or one of a newer release, others may be named that can't be read here.
  if (complete && !state.halted) {
    await collect(slotsOutOfReach(store, state));
    await collect(orphans(store, named.keys, now - orphanAge));
  }
  return problems;
};
