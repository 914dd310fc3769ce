/**
 * Which feedback counts toward the threshold, and which the champion has not learnt from. Where an
 * object lies decides neither: the claims in the log and the manifests they name do.
 */

import type { ObjectRef } from '../records/json-object.ts';
import {
  archiveLabelPrefix,
  feedbackLabelPrefix,
  feedbackPrefix,
  parseItemKey,
} from '../records/keys.ts';
import { readVerified } from '../records/read-verified.ts';
import type { Settings } from '../records/settings.ts';
import { decodeTrainingManifest, type TrainingManifest } from '../records/training-manifest.ts';
import { listKeys, type ObjectInfo, type ObjectStore } from '../storage/object-store.ts';
import { lineageOf, type RegistryState } from './registry-state.ts';

/** An object under `feedback/` or `archive/`. */
export interface FeedbackObject extends ObjectInfo {
  readonly labelId: string;
  /** Of the bytes as received; null for an object that Relearn did not write. */
  readonly sha256: string | null;
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
    yield { ...info, labelId, sha256: parseItemKey(info.key)?.sha256 ?? null };
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
  return ({ key, labelId, sha256 }) =>
    keys.has(key) || (sha256 !== null && items.has(`${labelId}/${sha256}`));
};

/**
 * Per label id, how many items were accepted since the last training began; those of a training
 * that ended without a version count again.
 * @param options.stopAt stop after this many items of a label, so that one look costs a bounded
 * number of calls
 */
export const pendingFeedback = async (
  { store, state, settings, readManifest }: FeedbackQuery,
  { stopAt = Number.POSITIVE_INFINITY }: { readonly stopAt?: number } = {},
): Promise<ReadonlyMap<string, number>> => {
  const claims = state.claims.filter(({ outcome }) => outcome !== 'void');
  const isClaimed = await namedBy(
    claims.map(({ manifest }) => manifest),
    readManifest,
  );
  const pending = new Map<string, number>();
  for (const labelId of settings.labelIds) {
    let count = 0;
    for await (const key of listKeys(store, feedbackLabelPrefix(labelId))) {
      if (isClaimed({ key, labelId, sha256: parseItemKey(key)?.sha256 ?? null })) continue;
      if (++count >= stopAt) break;
    }
    pending.set(labelId, count);
  }
  return pending;
};

/** The manifests of the version and its ancestors, newest first. */
export const lineageManifests = (
  state: RegistryState,
  version: number | null,
): readonly ObjectRef[] =>
  lineageOf(state, version).flatMap(({ entry }) => (entry.manifest ? [entry.manifest] : []));

/**
 * Everything under `feedback/` and `archive/` that is not in the champion's lineage, sorted by
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
        if (isTrained(object) || (object.sha256 !== null && seen.has(object.sha256))) continue;
        if (object.sha256 !== null) seen.add(object.sha256);
        untrained.push(object);
      }
    }
  }
  return untrained;
};

/** Objects under `feedback/` that lie under no label's id: nothing can be learnt from them. */
export const strayFeedback = async ({
  store,
  settings,
}: Pick<FeedbackQuery, 'store' | 'settings'>): Promise<readonly ObjectInfo[]> => {
  const prefixes = settings.labelIds.map(feedbackLabelPrefix);
  const stray: ObjectInfo[] = [];
  for await (const info of store.list(feedbackPrefix)) {
    if (!prefixes.some((prefix) => info.key.startsWith(prefix))) stray.push(info);
  }
  return stray;
};
