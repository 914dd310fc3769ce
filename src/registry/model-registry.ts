/** Versions: registering candidates, choosing the champion. */
import { RelearnError } from '../base/errors.ts';
import { findingInWords } from '../records/finding-in-words.ts';
import type { ObjectRef } from '../records/json-object.ts';
import type { EntryOf } from '../records/registry-entry.ts';
import type { GateFinding, GateReport } from '../records/reports.ts';
import { type Lease, leaseLost } from './lease.ts';
import type { AppendPatience, RegistryLog } from './registry-log.ts';
import { type RegistryState, type VersionRecord, versionOf } from './registry-state.ts';

/** What an entry says of a new version, before the log numbers it. */
export type Candidate = Omit<
  EntryOf<'publish'>,
  'type' | 'epoch' | 'writeId' | 'minReaderVersion' | 'at'
>;

export interface Registered {
  readonly version: VersionRecord;
  /** The gate's report as it was registered. */
  readonly gate: GateReport;
  readonly state: RegistryState;
}

/** The fence: only the holder of the newest lease may go on. */
const holdLease = (state: RegistryState, lease: Lease): void => {
  if (state.lease?.epoch === lease.epoch) return;
  throw leaseLost({ epoch: lease.epoch, holder: state.lease?.epoch ?? null });
};

/** Names what a training is made from. @throws RelearnError conflict/`lease_lost` */
export const claimManifest = async (
  log: RegistryLog,
  lease: Lease,
  manifest: ObjectRef,
  step?: number,
): Promise<RegistryState> => {
  const { state } = await log.append((current) => {
    holdLease(current, lease);
    return {
      type: 'claim',
      epoch: lease.epoch,
      manifest,
      ...(step === undefined ? {} : { step }),
    };
  });
  return state;
};

/** A comparison with a champion that is none any more says nothing about the present one. */
const judge = (gate: GateReport, comparedWith: number | null, state: RegistryState): GateReport => {
  const wins = gate.verdict === 'promote' || gate.verdict === 'first';
  if (!wins || comparedWith === state.champion) return gate;
  const changed: GateFinding = { code: 'champion_changed', version: state.champion };
  return {
    ...gate,
    verdict: 'not-enough-evidence',
    needed: null,
    reasons: [...gate.reasons, findingInWords(changed)],
    ...(gate.findings && { findings: [...gate.findings, changed] }),
  };
};

/**
 * Registers a candidate whose objects are all in the store, as champion where the gate says so. If
 * the champion changed since the gate compared, the candidate is kept and not promoted.
 * @throws RelearnError conflict/`lease_lost`
 */
export const registerCandidate = async (
  log: RegistryLog,
  lease: Lease,
  candidate: Candidate,
  patience?: AppendPatience,
): Promise<Registered> => {
  const { appended, state } = await log.append((current) => {
    holdLease(current, lease);
    const gate = judge(candidate.gate, candidate.comparedWith, current);
    const type = gate.verdict === 'promote' || gate.verdict === 'first' ? 'publish' : 'reject';
    return { ...candidate, type, epoch: lease.epoch, gate };
  }, patience);
  const version = state.versions.find(({ slot }) => slot === appended?.slot);
  if (!version) {
    const { reason } = state.invalid.find(({ slot }) => slot === appended?.slot) ?? {};
    throw new RelearnError(
      'internal',
      'registration_refused',
      `The log refused the version: ${reason}.`,
    );
  }
  return { version, gate: version.entry.gate, state };
};

/** Makes base data visible. Everything the manifest names must be in the store. */
export const registerImport = async (
  log: RegistryLog,
  manifest: ObjectRef,
): Promise<RegistryState> => (await log.append(() => ({ type: 'import', manifest }))).state;

/** Nothing happens where it is champion already. @throws RelearnError not-found/`version_not_found` */
export const promoteVersion = async (log: RegistryLog, version: number): Promise<RegistryState> => {
  const { state } = await log.append((current) => {
    versionOf(current, version);
    return current.champion === version ? undefined : { type: 'promote', version };
  });
  return state;
};

/**
 * Back to the champion before; with `target` as far as that version, one entry for each champion
 * that is left, and none where it is champion already: given again, it does no more.
 * @throws RelearnError conflict/`no_previous_champion`, `not_a_previous_champion`
 */
export const rollbackChampion = async (
  log: RegistryLog,
  target?: number,
): Promise<RegistryState> => {
  const { appended, state } = await log.append(({ championStack }) => {
    const [to, from] = championStack.slice(-2);
    if (target !== undefined && championStack.at(-1) === target) return undefined;
    if (target !== undefined && !championStack.includes(target)) {
      throw new RelearnError(
        'conflict',
        'not_a_previous_champion',
        `Version ${target} is none of the champions to go back to.`,
        { hint: `Choose it by hand: relearn models promote ${target}` },
      );
    }
    if (to === undefined || from === undefined) {
      const only = championStack.at(-1);
      throw new RelearnError(
        'conflict',
        'no_previous_champion',
        `There is no champion to go back to${only === undefined ? '' : `: version ${only} is the first`}.`,
        {
          hint: 'Choose a version by hand: relearn models promote V',
        },
      );
    }
    return { type: 'rollback', from, to };
  });
  const isThere = !appended || target === undefined || state.champion === target;
  return isThere ? state : rollbackChampion(log, target);
};
