/** What the log says, as one value: a pure fold over its entries, in order. */
import type { ObjectRef } from '../records/json-object.ts';
import type { EntryOf, RegistryEntry } from '../records/registry-entry.ts';
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
  /** `open`: being trained on. `void`: its training ended without a version. */
  readonly outcome: 'open' | 'published' | 'rejected' | 'void';
}

export interface LeaseRecord {
  /** The number of the lease entry's own slot. */
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
  /** Champions that a rollback returns to, the newest last; the champion itself stands at the end. */
  readonly championStack: readonly number[];
  /** The lease that was taken and not given back; whether its owner lives is not known here. */
  readonly lease: LeaseRecord | null;
  readonly claims: readonly ClaimRecord[];
  /** Manifests of the visible base data, in order. */
  readonly imports: readonly ObjectRef[];
  readonly invalid: readonly InvalidEntry[];
  /** Set at the first entry that this program is too old for. From there it only serves. */
  readonly halted: { readonly slot: number; readonly reason: string } | null;
}

export declare const emptyRegistryState: RegistryState;

/** The state after the entry in slot `state.nextSlot`. */
export declare const applyEntry: (state: RegistryState, entry: RegistryEntry) => RegistryState;

/** The version and its ancestors by `parent`, newest first. */
export declare const lineageOf: (state: RegistryState, version: number | null) => VersionRecord[];

/** @throws RelearnError not-found/`unknown_version` */
export declare const versionOf: (state: RegistryState, version: number) => VersionRecord;
