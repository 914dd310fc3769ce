/**
 * What the log says, as one value: a pure fold over its entries, in order. Two readers of the same
 * entries always hold the same state; nothing else decides which version answers.
 */

import { RelearnError } from '../base/errors.ts';
import type { ObjectRef } from '../records/json-object.ts';
import type { EntryOf, RegistryEntry, RegistryEntryType } from '../records/registry-entry.ts';
import type { Verdict } from '../records/reports.ts';

/** A registered version. Everything it names was uploaded before its entry. */
export interface VersionRecord {
  readonly version: number;
  readonly slot: number;
  readonly verdict: Verdict;
  readonly entry: EntryOf<'publish'> | EntryOf<'reject'>;
}

/** One change of champion. */
export interface ChampionChange {
  readonly version: number;
  readonly from: number | null;
  readonly at: string;
  readonly slot: number;
  readonly because: 'first' | 'gate' | 'promoted-by-hand' | 'rollback';
}

export interface ClaimRecord {
  readonly slot: number;
  readonly epoch: number;
  readonly at: string;
  readonly manifest: ObjectRef;
  /** The training steps that were done before it, by an earlier claim of the same manifest. */
  readonly step: number;
  /** `open`: being trained on. `void`: its training ended without a version. */
  readonly outcome: 'open' | 'published' | 'rejected' | 'void';
}

export interface LeaseRecord {
  /** The number of the lease entry's own slot: unique, rising, never used again. */
  readonly epoch: number;
  readonly owner: string;
  readonly at: string;
}

/** An entry that breaks a rule of the log. It has no effect and is reported by fsck. */
export interface InvalidEntry {
  readonly slot: number;
  readonly reason: string;
}

export interface RegistryState {
  /** The number of the next free slot; slots count from 1. */
  readonly nextSlot: number;
  /** Version v stands at index v − 1. */
  readonly versions: readonly VersionRecord[];
  readonly champion: number | null;
  readonly history: readonly ChampionChange[];
  /** Champions that rollbacks return to, one by one; the present one stands at the end. */
  readonly championStack: readonly number[];
  /** The lease that was taken and not given back; whether its owner lives is not known here. */
  readonly lease: LeaseRecord | null;
  readonly claims: readonly ClaimRecord[];
  /** Where feedback was last brought back from quarantine; 0 = never. */
  readonly retriedAt: number;
  /** Manifests of the visible base data, in order. */
  readonly imports: readonly ObjectRef[];
  readonly invalid: readonly InvalidEntry[];
  /** Set at the first entry that this program is too old for. From there it only serves. */
  readonly halted: { readonly slot: number; readonly reason: string } | null;
}

export const emptyRegistryState: RegistryState = {
  nextSlot: 1,
  versions: [],
  champion: null,
  history: [],
  championStack: [],
  lease: null,
  claims: [],
  retriedAt: 0,
  imports: [],
  invalid: [],
  halted: null,
};

/** Why an entry has no effect, or the fields that it changes. */
type Outcome = string | Partial<RegistryState>;

const endClaims = (
  claims: readonly ClaimRecord[],
  outcome: ClaimRecord['outcome'],
): readonly ClaimRecord[] =>
  claims.map((claim) => (claim.outcome === 'open' ? { ...claim, outcome } : claim));

/** An entry of a training counts only from the holder of the newest lease. */
const fencedOut = (state: RegistryState, epoch: number): string | undefined =>
  state.lease?.epoch === epoch
    ? undefined
    : `epoch ${epoch} does not hold the lease (${state.lease ? `epoch ${state.lease.epoch} does` : 'nobody does'})`;

const crown = (
  state: RegistryState,
  version: number,
  because: ChampionChange['because'],
  at: string,
  championStack: readonly number[] = [...state.championStack, version],
): Partial<RegistryState> => ({
  champion: version,
  championStack,
  history: [...state.history, { version, from: state.champion, at, slot: state.nextSlot, because }],
});

const register = (state: RegistryState, entry: EntryOf<'publish'> | EntryOf<'reject'>): Outcome => {
  const fenced = fencedOut(state, entry.epoch);
  if (fenced) return fenced;
  const { manifest } = entry;
  const claim = state.claims.findLast(({ outcome }) => outcome === 'open');
  if (manifest && claim?.manifest.sha256 !== manifest.sha256) {
    return `its manifest ${manifest.key} is not what epoch ${entry.epoch} has claimed`;
  }
  const version = state.versions.length + 1;
  const unknown = [entry.parent, entry.comparedWith].find((other) => (other ?? 0) >= version);
  if (unknown) return `it names version ${unknown}, which was not registered before`;
  const { verdict } = entry.gate;
  return {
    versions: [...state.versions, { version, slot: state.nextSlot, verdict, entry }],
    claims: manifest
      ? endClaims(state.claims, entry.type === 'publish' ? 'published' : 'rejected')
      : state.claims,
  };
};

/** One rule for each type of entry. */
const rules: {
  readonly [Type in RegistryEntryType]: (state: RegistryState, entry: EntryOf<Type>) => Outcome;
} = {
  import: (state, { manifest }) => ({ imports: [...state.imports, manifest] }),

  lease: (state, { epoch, owner, at }) =>
    epoch === state.nextSlot
      ? { lease: { epoch, owner, at }, claims: endClaims(state.claims, 'void') }
      : `its epoch ${epoch} is not the number of its slot`,

  claim: (state, { epoch, manifest, step = 0, at }) =>
    fencedOut(state, epoch) ?? {
      claims: [
        ...endClaims(state.claims, 'void'),
        { slot: state.nextSlot, epoch, at, manifest, step, outcome: 'open' },
      ],
    },

  publish: (state, entry) => {
    if (entry.comparedWith !== state.champion) {
      return `it was measured against version ${entry.comparedWith}, not against the champion`;
    }
    const registered = register(state, entry);
    if (typeof registered === 'string') return registered;
    const because = state.champion === null ? 'first' : 'gate';
    return { ...registered, ...crown(state, state.versions.length + 1, because, entry.at) };
  },

  reject: register,

  release: (state, { epoch }) =>
    fencedOut(state, epoch) ?? { lease: null, claims: endClaims(state.claims, 'void') },

  promote: (state, { version, at }) =>
    state.versions[version - 1]
      ? crown(state, version, 'promoted-by-hand', at)
      : `there is no version ${version}`,

  rollback: (state, { from, to, at }) =>
    state.champion === from && state.championStack.at(-2) === to
      ? crown(state, to, 'rollback', at, state.championStack.slice(0, -1))
      : `the champion was not ${from} with ${to} before it`,

  retry: ({ nextSlot }) => ({ retriedAt: nextSlot }),
};

/** The state after the entry in slot `state.nextSlot`. */
export const applyEntry = (state: RegistryState, entry: RegistryEntry): RegistryState => {
  const rule = rules[entry.type] as (state: RegistryState, entry: RegistryEntry) => Outcome;
  const outcome = rule(state, entry);
  const slot = state.nextSlot;
  return typeof outcome === 'string'
    ? { ...state, nextSlot: slot + 1, invalid: [...state.invalid, { slot, reason: outcome }] }
    : { ...state, ...outcome, nextSlot: slot + 1 };
};

/** Whether a training that was cut off had got further: the next claim goes on from there. */
const gotFurther = ({ manifest, step }: ClaimRecord, next: ClaimRecord | undefined): boolean =>
  next?.manifest.sha256 === manifest.sha256 && next.step > step;

/** Trainings in a row that came to nothing at all, since feedback was last brought back. */
export const failuresInARow = ({ claims, retriedAt }: RegistryState): number => {
  const last = claims.findLastIndex(
    (claim, index) =>
      claim.outcome !== 'void' || claim.slot < retriedAt || gotFurther(claim, claims[index + 1]),
  );
  return claims.length - 1 - last;
};

/** @throws RelearnError not-found/`version_not_found` */
export const versionOf = (state: RegistryState, version: number): VersionRecord => {
  const found = state.versions[version - 1];
  if (found) return found;
  throw new RelearnError('not-found', 'version_not_found', `There is no version ${version}.`, {
    hint: state.versions.length
      ? `Versions are numbered from 1 to ${state.versions.length}: relearn models list`
      : 'There is no version at all yet: relearn train',
    details: { versions: state.versions.length },
  });
};

/** The version and its ancestors by `parent`, newest first; nothing for null. */
export const lineageOf = (
  state: RegistryState,
  version: number | null,
): readonly VersionRecord[] => {
  const lineage: VersionRecord[] = [];
  // A parent's number is always lower (`register` sees to it), so this ends.
  for (let next = version; next !== null; ) {
    const record = versionOf(state, next);
    lineage.push(record);
    next = record.entry.parent;
  }
  return lineage;
};
