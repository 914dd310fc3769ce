import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  openProcess,
  putCandidate,
  putItem,
  putManifest,
} from '../../test/contracts/registry-fixtures.ts';
import type { Verdict } from '../records/reports.ts';
import { createMemoryStore } from '../storage/memory.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { checkInvariants } from './invariants.ts';
import { openLeaseDesk } from './lease.ts';
import {
  claimManifest,
  promoteVersion,
  registerCandidate,
  rollbackChampion,
} from './model-registry.ts';

let store: ObjectStore;
beforeEach(() => {
  store = createMemoryStore();
});

type Process = ReturnType<typeof openProcess>;

const acquire = async (process: Process) => {
  const { lease } = await openLeaseDesk(process).tryAcquire();
  if (!lease) throw new Error('the lease is held');
  return lease;
};

let runs = 0;
/** A whole training of one process, from the lease to its release. */
const train = async (process: Process, verdict: Verdict, from?: number | null) => {
  const runId = `run-${++runs}`;
  const lease = await acquire(process);
  const { champion } = await process.log.read();
  const parent = from === undefined ? champion : from;
  const item = await putItem(store, 'cat', runId);
  const manifest = await putManifest(store, runId, [item], parent);
  await claimManifest(process.log, lease, manifest);
  const candidate = await putCandidate(store, runId, manifest, verdict, parent);
  const registered = await registerCandidate(process.log, lease, {
    ...candidate,
    comparedWith: champion,
  });
  await openLeaseDesk(process).release(lease, 'done');
  return registered;
};

describe('the model registry', () => {
  it('numbers versions in order of registration, rejected ones too', async () => {
    const a = openProcess(store, 'a');
    expect((await train(a, 'first')).version.version).toBe(1);
    expect((await train(a, 'reject')).version.version).toBe(2);
    expect((await train(a, 'promote')).version.version).toBe(3);
    expect((await train(a, 'not-enough-evidence')).version.version).toBe(4);
    const state = await openProcess(store, 'b').log.read();
    expect(state.champion).toBe(3);
    expect(state.versions.map(({ verdict }) => verdict)).toEqual([
      'first',
      'reject',
      'promote',
      'not-enough-evidence',
    ]);
    expect(state.claims.map(({ outcome }) => outcome)).toEqual([
      'published',
      'rejected',
      'published',
      'rejected',
    ]);
    expect(state.lease).toBeNull();
    expect(await checkInvariants(store, a.log, { now: 0 })).toEqual([]);
  });

  it('promotes by hand and goes back step by step, with a history', async () => {
    const { log, ...rest } = openProcess(store, 'a');
    const a = { log, ...rest };
    await train(a, 'first');
    await train(a, 'promote');
    await train(a, 'reject');
    expect((await promoteVersion(log, 3)).champion).toBe(3);
    const before = log.state.nextSlot;
    expect((await promoteVersion(log, 3)).nextSlot).toBe(before);
    expect((await rollbackChampion(log)).champion).toBe(2);
    expect((await rollbackChampion(log)).champion).toBe(1);
    await expect(rollbackChampion(log)).rejects.toMatchObject({
      code: 'no_previous_champion',
      message: 'There is no champion to go back to: version 1 is the first.',
    });
    await expect(promoteVersion(log, 9)).rejects.toMatchObject({
      kind: 'not-found',
      code: 'version_not_found',
    });
    expect((await train(a, 'promote')).version.entry.parent).toBe(1);
    expect((await rollbackChampion(log)).champion).toBe(1);
    expect(log.state.history.map(({ version, from, because }) => [version, from, because])).toEqual(
      [
        [1, null, 'first'],
        [2, 1, 'gate'],
        [3, 2, 'promoted-by-hand'],
        [2, 3, 'rollback'],
        [1, 2, 'rollback'],
        [4, 1, 'gate'],
        [1, 4, 'rollback'],
      ],
    );
  });

  it('goes back to a version that is named, and given again it does no more', async () => {
    const { log, ...rest } = openProcess(store, 'a');
    const a = { log, ...rest };
    for (const verdict of ['first', 'promote', 'reject', 'promote'] as const)
      await train(a, verdict);
    for (let given = 0; given < 2; given++)
      expect((await rollbackChampion(log, 2)).champion).toBe(2);
    expect((await rollbackChampion(log, 1)).champion).toBe(1);
    for (const never of [3, 4, 9]) {
      await expect(rollbackChampion(log, never)).rejects.toMatchObject({
        kind: 'conflict',
        code: 'not_a_previous_champion',
      });
    }
    expect(log.state.history.slice(3).map(({ version, from }) => [version, from])).toEqual([
      [2, 4],
      [1, 2],
    ]);
  });

  it('goes back over several champions, and is completed where it was cut off', async () => {
    const { log, ...rest } = openProcess(store, 'a');
    const a = { log, ...rest };
    for (const verdict of ['first', 'promote', 'promote'] as const) await train(a, verdict);
    await rollbackChampion(log);
    expect((await rollbackChampion(log, 1)).champion).toBe(1);
    expect(log.state.championStack).toEqual([1]);
    expect(log.state.invalid).toEqual([]);
  });

  it('does not promote against a champion that is none any more', async () => {
    const a = openProcess(store, 'a');
    await train(a, 'first');
    await train(a, 'promote');
    const lease = await acquire(a);
    const manifest = await putManifest(store, 'late', []);
    await claimManifest(a.log, lease, manifest);
    const candidate = await putCandidate(store, 'late', manifest, 'promote', 2);
    await rollbackChampion(openProcess(store, 'person').log);
    const { version, gate, state } = await registerCandidate(a.log, lease, candidate);
    expect(version).toMatchObject({ version: 3, verdict: 'not-enough-evidence' });
    expect(gate.reasons).toEqual([expect.stringContaining('champion_changed')]);
    expect(state.champion).toBe(1);
    expect(state.invalid).toEqual([]);
  });

  it('fences a trainer that was paused past its time', async () => {
    const [zombie, heir] = [openProcess(store, 'zombie'), openProcess(store, 'heir')];
    const lease = await acquire(zombie);
    const manifest = await putManifest(store, 'zombie', []);
    await claimManifest(zombie.log, lease, manifest);
    const candidate = await putCandidate(store, 'zombie', manifest, 'first');

    const desk = openLeaseDesk({ ...heir, isOwnerDead: (owner) => owner === 'zombie' });
    const { lease: next } = await desk.tryAcquire();
    expect(next?.epoch).toBeGreaterThan(lease.epoch);

    await expect(registerCandidate(zombie.log, lease, candidate)).rejects.toMatchObject({
      kind: 'conflict',
      code: 'lease_lost',
    });
    await expect(claimManifest(zombie.log, lease, manifest)).rejects.toMatchObject({
      code: 'lease_lost',
    });
    const { versions, claims, invalid } = await heir.log.read();
    expect([versions, invalid]).toEqual([[], []]);
    expect(claims.map(({ outcome }) => outcome)).toEqual(['void']);
  });

  it.each([
    ['has given its lease back', 'release'],
    ['was followed by another', 'lease'],
  ] as const)(
    'lets no entry of a trainer count that %s, even if it is in the log',
    async (_, end) => {
      const a = openProcess(store, 'a');
      const lease = await acquire(a);
      const candidate = await putCandidate(store, 'x', null, 'first');
      await a.log.append(({ nextSlot }) =>
        end === 'release'
          ? { type: 'release', epoch: lease.epoch, reason: 'done' }
          : { type: 'lease', epoch: nextSlot, owner: 'heir' },
      );
      const { state } = await a.log.append(() => ({
        ...candidate,
        type: 'publish',
        epoch: lease.epoch,
      }));
      expect([state.versions, state.champion]).toEqual([[], null]);
      expect(state.invalid).toHaveLength(1);
      expect(await checkInvariants(store, a.log, { now: 0 })).toMatchObject([{ invariant: 'I5' }]);
    },
  );

  it('keeps one history whatever eight processes do at once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('train', 'reject', 'promote', 'rollback'), {
          minLength: 1,
          maxLength: 12,
        }),
        async (deeds) => {
          store = createMemoryStore();
          const processes = deeds.map((_, number) => openProcess(store, `p${number}`));
          await Promise.allSettled(
            processes.map(async (process, number) => {
              const deed = deeds[number];
              if (deed === 'promote') return promoteVersion(process.log, 1);
              if (deed === 'rollback') return rollbackChampion(process.log);
              return train(process, deed === 'train' ? 'promote' : 'reject');
            }),
          );
          const states = await Promise.all(processes.map(({ log }) => log.read()));
          for (const state of states) expect(state).toEqual(states[0]);
          expect(states[0]?.invalid).toEqual([]);
          const [{ log }] = processes as [Process];
          expect(await checkInvariants(store, log, { now: 0 })).toEqual([]);
          const epochs = (states[0]?.versions ?? []).map(({ entry }) => entry.epoch);
          expect(epochs).toEqual([...epochs].sort((x, y) => x - y));
          expect(new Set(epochs).size).toBe(epochs.length);
        },
      ),
      { numRuns: 40 },
    );
  });
});
