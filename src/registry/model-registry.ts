/** Versions: registering candidates, choosing the champion. */
import type { ObjectRef } from '../records/json-object.ts';
import type { EntryOf } from '../records/registry-entry.ts';
import type { GateReport } from '../records/reports.ts';
import type { Lease } from './lease.ts';
import type { RegistryLog } from './registry-log.ts';
import type { RegistryState, VersionRecord } from './registry-state.ts';

export type Candidate = Omit<
  EntryOf<'publish'>,
  'type' | 'epoch' | 'writeId' | 'minReaderVersion' | 'at'
>;

/** Names what a training is made from. @throws RelearnError conflict/`lease_lost` */
export declare const claimManifest: (
  log: RegistryLog,
  lease: Lease,
  manifest: ObjectRef,
) => Promise<RegistryState>;

/**
 * Registers a candidate whose objects are all in the store, as champion where the gate says so. If
 * the champion changed since the gate compared, the candidate is kept and not promoted.
 * @throws RelearnError conflict/`lease_lost`
 */
export declare const registerCandidate: (
  log: RegistryLog,
  lease: Lease,
  candidate: Candidate,
) => Promise<{
  readonly version: VersionRecord;
  readonly gate: GateReport;
  readonly state: RegistryState;
}>;

/** Makes base data visible. */
export declare const registerImport: (
  log: RegistryLog,
  manifest: ObjectRef,
) => Promise<RegistryState>;

/** @throws RelearnError not-found/`unknown_version` */
export declare const promoteVersion: (log: RegistryLog, version: number) => Promise<RegistryState>;

/** @throws RelearnError conflict/`no_previous_champion` */
export declare const rollbackChampion: (log: RegistryLog) => Promise<RegistryState>;
