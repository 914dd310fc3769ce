/**
 * Watches every change of the objects and holds it against the invariants at that moment, by its own
 * reading of the log. What it knows better than any process: what was acknowledged, and when who
 * gave signs of life.
 */
import { sha256 } from '../../src/base/hash.ts';
import { decodeFeedbackItem, isFeedbackItem, itemFault } from '../../src/records/feedback-item.ts';
import type { ObjectRef } from '../../src/records/json-object.ts';
import {
  archiveKey,
  feedbackKey,
  heartbeatKey,
  parseItemKey,
  parseLogSlotKey,
  quarantinePrefix,
} from '../../src/records/keys.ts';
import { type RegistryEntry, registryEntrySchema } from '../../src/records/registry-entry.ts';
import { decodeTrainingManifest } from '../../src/records/training-manifest.ts';
import { leaseTimeToLive } from '../../src/registry/lease.ts';
import type { LogRecord } from '../../src/registry/registry-log.ts';
import {
  applyEntry,
  emptyRegistryState,
  lineageOf,
  type RegistryState,
} from '../../src/registry/registry-state.ts';
import { isPicture, labelIdOf } from './put-by-hand.ts';
import type { Objects, Observer, StoredObject } from './simulated-store.ts';
import { worldBegin } from './virtual-time.ts';

/** An invariant was broken; ends the run. */
export class Violation extends Error {
  readonly invariant: string;
  constructor(invariant: string, message: string) {
    super(`${invariant}: ${message}`);
    this.invariant = invariant;
  }
}

export interface Monitor extends Observer {
  readonly state: RegistryState;
  readonly log: readonly RegistryEntry[];
  /** Items that somebody was told are safe, as `label/hash`. */
  readonly acknowledged: ReadonlySet<string>;
  acknowledge(labelId: string, hash: string): void;
  /** A person has put something under `feedback/` past Relearn. */
  onPutByHand(key: string, bytes: Uint8Array): void;
  /** What a person has put there and what is nowhere any more, or not where it belongs. */
  lostOfThose(): string | undefined;
  /** What a process has read of the log so far. */
  onView(by: string, records: readonly LogRecord[]): void;
  /** An attempt to get the lease begins; takeovers are judged from here on. */
  onAttempt(by: string): void;
  /** What was broken first. */
  readonly violation: Violation | undefined;
  report(violation: Violation): void;
}

const week = 7 * 24 * 60 * 60 * 1000;
/** What answers may take on their way, in milliseconds: below it, silence is a matter of taste. */
const tolerance = 2_000;

const isQuarantined = (key: string): boolean =>
  key.startsWith(quarantinePrefix) && !key.endsWith('.json');

/** Items of which quarantine holds a copy, as `label/hash`. */
export const itemsSetAside = (objects: Objects): ReadonlySet<string> => {
  const items = new Set<string>();
  for (const [key, { bytes }] of objects.map) {
    if (!isQuarantined(key) || !isFeedbackItem(bytes)) continue;
    const { labelId, sha256: hash } = decodeFeedbackItem(bytes, key).header;
    items.add(`${labelId}/${hash}`);
  }
  return items;
};

export const createMonitor = (objects: Objects, now: () => number): Monitor => {
  let state = emptyRegistryState;
  let violation: Violation | undefined;
  const log: RegistryEntry[] = [];
  const named = new Map<string, string>();
  const acknowledged = new Set<string>();
  const attempts = new Map<string, number>();
  const beats: number[] = [];
  const byHand: { readonly key: string; readonly bytes: Uint8Array }[] = [];

  const report = (found: Violation) => {
    violation ??= found;
  };
  const require = (holds: boolean, invariant: string, message: () => string) => {
    if (!holds) report(new Violation(invariant, message()));
  };

  const isWhole = (key: string, hash: string): boolean => {
    const found = objects.map.get(key);
    return found !== undefined && sha256(found.bytes) === hash;
  };

  const isKept = (labelId: string, hash: string): boolean =>
    objects.map.has(feedbackKey(labelId, hash)) ||
    objects.map.has(archiveKey(labelId, hash)) ||
    itemsSetAside(objects).has(`${labelId}/${hash}`);

  /** Whether something put by hand lies there as it was, other than under this name. */
  const isWaiting = (bytes: Uint8Array, labelId: string | null, except?: string): boolean => {
    const hash = sha256(bytes);
    for (const [key, other] of objects.map)
      if (key !== except && key.startsWith('feedback/') && labelIdOf(key) === labelId)
        if (sha256(other.bytes) === hash) return true;
    return false;
  };
  const isInQuarantine = (bytes: Uint8Array): boolean => {
    const hash = sha256(bytes);
    for (const [key, other] of objects.map)
      if (isQuarantined(key) && sha256(other.bytes) === hash) return true;
    return false;
  };
  /** Whole, under its own name. */
  const isItemThere = (labelId: string, hash: string): boolean =>
    [feedbackKey(labelId, hash), archiveKey(labelId, hash)].some((key) => {
      const found = objects.map.get(key);
      return found && itemFault(found.bytes, key, { labelId, sha256: hash }) === undefined;
    });

  const manifestOf = (ref: ObjectRef) =>
    decodeTrainingManifest(objects.map.get(ref.key)?.bytes ?? new Uint8Array(), ref.key);

  const refsOf = (entry: RegistryEntry): readonly ObjectRef[] => {
    if (entry.type === 'import' || entry.type === 'claim') return [entry.manifest];
    if (entry.type !== 'publish' && entry.type !== 'reject') return [];
    return [entry.model, entry.card, ...(entry.manifest ? [entry.manifest] : [])];
  };

  /** I2: no item is new to a version and to its ancestor. */
  const checkLineage = (version: number): void => {
    const seen = new Map<string, number>();
    for (const { version: ancestor, entry } of lineageOf(state, version)) {
      if (!entry.manifest) continue;
      for (const { labelId, sha256: hash } of manifestOf(entry.manifest).feedback) {
        const item = `${labelId}/${hash}`;
        const other = seen.get(item);
        require(other === undefined, 'I2', () => `${item} is new to ${ancestor} and to ${other}`);
        seen.set(item, ancestor);
      }
    }
  };

  /** A lease may be taken over only if, since the attempt began, its holder was silent long enough. */
  const checkTakeover = (by: string, holder: RegistryState['lease']): void => {
    const begun = attempts.get(by);
    if (!holder || begun === undefined) return;
    let longest = 0;
    for (const [index, beat] of beats.entries()) {
      const until = beats[index + 1] ?? now();
      if (until >= begun) longest = Math.max(longest, until - beat);
    }
    require(longest >= leaseTimeToLive - tolerance, 'I5', () =>
      `${by} took over from ${holder.owner}, who was silent for ${longest} ms at most`);
  };

  const onEntry = (slot: number, bytes: Uint8Array, by: string): void => {
    require(slot === log.length + 1, 'I3', () => `slot ${slot} follows slot ${log.length}`);
    const entry = registryEntrySchema.parse(JSON.parse(Buffer.from(bytes).toString()));
    log.push(entry);
    const { lease } = state;
    const before = state.invalid.length;
    state = applyEntry(state, entry);
    const invalid = state.invalid[before];
    require(invalid === undefined, 'I5', () => `slot ${slot} has no effect: ${invalid?.reason}`);
    for (const { key, sha256: hash } of refsOf(entry)) {
      require(isWhole(key, hash), 'I4', () =>
        `slot ${slot} names ${key}, which is not there whole`);
      named.set(key, hash);
    }
    if (entry.type === 'lease') {
      checkTakeover(by, lease);
      beats.length = 0;
      beats.push(now());
    }
    if (entry.type === 'publish' && !invalid) checkLineage(state.versions.length);
  };

  const onItemGone = (key: string, before: StoredObject, by: string): void => {
    if (isInQuarantine(before.bytes)) return;
    const item = parseItemKey(key);
    if (!isFeedbackItem(before.bytes)) {
      const labelId = labelIdOf(key);
      const hash = sha256(before.bytes);
      const isTaken =
        labelId !== null &&
        (isItemThere(labelId, hash) || itemsSetAside(objects).has(`${labelId}/${hash}`));
      require(isTaken || isWaiting(before.bytes, labelId), 'I1', () =>
        `${by} removed ${key}, which somebody had put there`);
      return;
    }
    const other = item && (key.startsWith('feedback/') ? archiveKey : feedbackKey);
    const copy = item && other && objects.map.get(other(item.labelId, item.sha256));
    require(copy !== undefined, 'I1', () =>
      `${by} removed ${key}, of which there is no other copy`);
  };

  /** A copy in quarantine may go once its item lies elsewhere, or was set aside again. */
  const onCopyGone = (key: string, { bytes }: StoredObject, by: string): void => {
    if (isFeedbackItem(bytes)) {
      const { labelId, sha256: hash } = decodeFeedbackItem(bytes, key).header;
      require(isKept(labelId, hash), 'I1', () => `${by} removed ${key}, the last copy`);
      return;
    }
    const others = [...objects.map.values()].map((other) => sha256(other.bytes));
    require(others.includes(sha256(bytes)), 'I1', () => `${by} removed ${key}, the last copy`);
  };

  /** What lies under `feedback/` is replaced only by the item that it is a picture of. */
  const onReplaced = (key: string, before: StoredObject, bytes: Uint8Array, by: string): void => {
    const hash = sha256(before.bytes);
    if (hash === sha256(bytes)) return;
    const isItem = isFeedbackItem(bytes) && decodeFeedbackItem(bytes, key).header.sha256 === hash;
    require(isFeedbackItem(before.bytes) || isItem, 'I1', () =>
      `${by} replaced ${key}, which somebody had put there`);
  };

  return {
    get state() {
      return state;
    },
    get violation() {
      return violation;
    },
    log,
    acknowledged,
    report,
    onWrite: (key, bytes, before, by) => {
      const slot = parseLogSlotKey(key);
      if (slot !== undefined) {
        require(before === undefined, 'I3', () => `${by} replaced the slot ${key}`);
        if (before === undefined) onEntry(slot, bytes, by);
      }
      if (before && key.startsWith('feedback/')) onReplaced(key, before, bytes, by);
      const hash = named.get(key);
      require(hash === undefined || sha256(bytes) === hash, 'I4', () =>
        `${by} replaced ${key} by something else`);
      if (state.lease && key === heartbeatKey(state.lease.epoch)) beats.push(now());
    },
    onDelete: (key, before, by) => {
      require(parseLogSlotKey(key) === undefined, 'I3', () => `${by} removed the slot ${key}`);
      require(!named.has(key), 'I4', () => `${by} removed ${key}, which the log names`);
      if (isQuarantined(key)) onCopyGone(key, before, by);
      if (key.startsWith('feedback/') || key.startsWith('archive/')) onItemGone(key, before, by);
      if (key.startsWith('models/') || key.startsWith('base/')) {
        const age = worldBegin + now() - before.modifiedAt;
        require(age >= week, 'I9', () => `${by} removed ${key} at the age of ${age} ms`);
      }
    },
    acknowledge: (labelId, hash) => {
      require(isKept(labelId, hash), 'I1', () => `${labelId}/${hash} was acknowledged, not kept`);
      acknowledged.add(`${labelId}/${hash}`);
    },
    onPutByHand: (key, bytes) => void byHand.push({ key, bytes }),
    lostOfThose: () =>
      byHand.find(({ key, bytes }) => {
        const labelId = labelIdOf(key);
        return labelId !== null && isPicture(bytes)
          ? !isItemThere(labelId, sha256(bytes))
          : !isInQuarantine(bytes);
      })?.key,
    onView: (by, records) => {
      const wrong = records.find(({ slot, entry }) => log[slot - 1]?.writeId !== entry.writeId);
      require(wrong === undefined, 'I3', () =>
        `${by} read another slot ${wrong?.slot} than is there`);
    },
    onAttempt: (by) => {
      attempts.set(by, now());
    },
  };
};
