/**
 * Which feedback counts toward the threshold, and which the champion has not learnt from. Where an
 * object lies decides neither: the claims in the log and the manifests they name do.
 */

import type { ObjectRef } from '../records/json-object.ts';
import {
  archiveLabelPrefix,
  feedbackFolderOf,
  feedbackLabelPrefix,
  feedbackPrefix,
  parseItemKey,
} from '../records/keys.ts';
import { readVerified } from '../records/read-verified.ts';
import type { Settings } from '../records/settings.ts';
import { decodeTrainingManifest, type TrainingManifest } from '../records/training-manifest.ts';
import { comesAfter, sortKeys } from '../storage/object-key.ts';
import { listKeys, type ObjectInfo, type ObjectStore } from '../storage/object-store.ts';
import { lineageOf, type RegistryState } from './registry-state.ts';

/** An object under `feedback/` or `archive/` that has the name of an item. */
export interface FeedbackObject extends ObjectInfo {
  readonly labelId: string;
  /** Of the bytes as received. */
  readonly sha256: string;
}

/** Reads a training manifest and checks its hash; remembers it, because manifests never change. */
export type ManifestReader = (ref: ObjectRef) => Promise<TrainingManifest>;

export const createManifestReader = (store: ObjectStore): ManifestReader => {
  const known = new Map<string, Promise<TrainingManifest>>();
  const read = async (ref: ObjectRef) =>
    decodeTrainingManifest(await readVerified(store, ref), ref.key);
  return (ref) => {
    const name = `${ref.sha256} ${ref.key}`;
    const before = known.get(name);
    if (before) return before;
    const manifest = read(ref);
    known.set(name, manifest);
    manifest.catch(() => known.delete(name));
    return manifest;
  };
};

export interface FeedbackQuery {
  readonly store: ObjectStore;
  readonly state: RegistryState;
  readonly settings: Settings;
  readonly readManifest: ManifestReader;
}

async function* objectsOf(
  store: ObjectStore,
  prefix: string,
  labelId: string,
): AsyncGenerator<FeedbackObject> {
  for await (const info of store.list(prefix)) {
    const item = parseItemKey(info.key);
    if (item) yield { ...info, labelId, sha256: item.sha256 };
  }
}

/** The keys that these manifests name, and the label and hash of each item wherever it lies. */
const namedBy = async (
  refs: readonly ObjectRef[],
  readManifest: ManifestReader,
): Promise<(object: Pick<FeedbackObject, 'key' | 'labelId' | 'sha256'>) => boolean> => {
  const keys = new Set<string>();
  const items = new Set<string>();
  for (const ref of refs) {
    for (const { key, labelId, sha256 } of (await readManifest(ref)).feedback) {
      keys.add(key);
      items.add(`${labelId}/${sha256}`);
    }
  }
  return ({ key, labelId, sha256 }) => keys.has(key) || items.has(`${labelId}/${sha256}`);
};

/** What lies under `feedback/`, told by names alone. */
export interface PendingFeedback {
  /**
   * Per label id, how many items were accepted since the last training began; those of a training
   * that ended without a version count again.
   */
  readonly items: ReadonlyMap<string, number>;
  /** Names of what somebody put there: it counts once it was looked at and has become an item. */
  readonly unread: readonly string[];
}

/**
 * The part of the list that a key lies in: the folder of a label, or what lies before, between and
 * behind those folders. `end` sorts before all that follows, and not before the part.
 */
const partsOf = (labelIds: readonly string[]): ((key: string) => Part) => {
  const folders = sortKeys(labelIds.map(feedbackLabelPrefix));
  // In the order of keys, `0` follows the slash.
  const inside = new Map(labelIds.map((id) => [id, { holds: 1, end: `${feedbackPrefix}${id}0` }]));
  const holds = labelIds.length;
  const between = folders.map((folder) => ({ holds, end: folder }));
  const last = { holds, end: undefined };
  return (key) =>
    inside.get(feedbackFolderOf(key)) ?? between.find(({ end }) => comesAfter(end, key)) ?? last;
};

interface Part {
  /** Of how many labels it may hold pictures. */
  readonly holds: number;
  /** Undefined where nothing follows. */
  readonly end: string | undefined;
}

/**
 * @param options.stopAt stop after so many in the folder of a label, and after so many for each label
 * where other folders lie, so that one look costs a bounded number of calls
 */
export const pendingFeedback = async (
  { store, state, settings, readManifest }: FeedbackQuery,
  { stopAt = Number.POSITIVE_INFINITY }: { readonly stopAt?: number } = {},
): Promise<PendingFeedback> => {
  const claims = state.claims.filter(({ outcome }) => outcome !== 'void');
  const isClaimed = await namedBy(
    claims.map(({ manifest }) => manifest),
    readManifest,
  );
  const items = new Map(settings.labelIds.map((id) => [id, 0]));
  const unread: string[] = [];
  const seen = new Map<Part, number>();
  const partOf = partsOf(settings.labelIds);

  const add = (key: string): boolean => {
    const item = parseItemKey(key);
    const count = item && items.get(item.labelId);
    if (item === undefined || count === undefined) unread.push(key);
    else if (isClaimed({ key, ...item })) return false;
    else items.set(item.labelId, count + 1);
    return true;
  };
  /** @returns where to go on; undefined = nowhere */
  const countFrom = async (startAfter: string): Promise<string | undefined> => {
    for await (const key of listKeys(store, feedbackPrefix, { startAfter })) {
      if (!add(key) || stopAt === Number.POSITIVE_INFINITY) continue;
      const part = partOf(key);
      const count = (seen.get(part) ?? 0) + 1;
      seen.set(part, count);
      if (count >= stopAt * part.holds) return part.end;
    }
    return undefined;
  };
  for (let next: string | undefined = ''; next !== undefined; ) next = await countFrom(next);
  return { items, unread };
};

/** The manifests of the version and its ancestors, newest first. */
export const lineageManifests = (
  state: RegistryState,
  version: number | null,
): readonly ObjectRef[] =>
  lineageOf(state, version).flatMap(({ entry }) => (entry.manifest ? [entry.manifest] : []));

/**
 * Every item under `feedback/` and `archive/` that is not in the champion's lineage, sorted by
 * label and key. After a rollback that includes archived items of the versions left behind.
 */
export const untrainedFeedback = async ({
  store,
  state,
  settings,
  readManifest,
}: FeedbackQuery): Promise<readonly FeedbackObject[]> => {
  const isTrained = await namedBy(lineageManifests(state, state.champion), readManifest);
  const untrained: FeedbackObject[] = [];
  for (const labelId of settings.labelIds) {
    const seen = new Set<string>();
    for (const prefix of [feedbackLabelPrefix(labelId), archiveLabelPrefix(labelId)]) {
      for await (const object of objectsOf(store, prefix, labelId)) {
        // A crash while archiving leaves a second copy; it is the same item.
        if (isTrained(object) || seen.has(object.sha256)) continue;
        seen.add(object.sha256);
        untrained.push(object);
      }
    }
  }
  return untrained;
};
