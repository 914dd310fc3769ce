/**
 * One run of the simulation: processes work over one store and meet faults until their time is up;
 * then the faults stop, and what is left must come to rest. Everything depends on the seed.
 */
import { isRelearnError } from '../../src/base/errors.ts';
import { createRandom, type Random } from '../../src/base/random.ts';
import type { Components } from '../../src/loop/components.ts';
import { nameThisProcess } from '../../src/loop/process-owner.ts';
import { bringBack } from '../../src/loop/store/bring-back.ts';
import { collectGarbage } from '../../src/loop/store/collect-garbage.ts';
import { considerTraining } from '../../src/loop/training/consider-training.ts';
import { train } from '../../src/loop/training/train-candidate.ts';
import { archiveKey, feedbackKey } from '../../src/records/keys.ts';
import { pendingFeedback } from '../../src/registry/feedback-index.ts';
import { checkInvariants } from '../../src/registry/invariants.ts';
import { leaseTimeToLive } from '../../src/registry/lease.ts';
import { openRegistryLog } from '../../src/registry/registry-log.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { CallKind, FaultName } from './faults.ts';
import { createInitialObjects } from './initial-objects.ts';
import { createMonitor, itemsSetAside, type Monitor, Violation } from './monitor.ts';
import { openProcess } from './open-process.ts';
import { type ActName, acts, type RoleName, roles, type Scene } from './roles.ts';
import { createObjects, directStore, type Objects, viewOf } from './simulated-store.ts';
import { createWorld, type VirtualProcess, type World, worldBegin } from './virtual-time.ts';

/** Stands between a process and what it works with, to break something on purpose. */
export interface PlantedBug {
  readonly name: string;
  store?(store: ObjectStore, role: RoleName, damage: Damage): ObjectStore;
  components?(components: Components, role: RoleName): Components;
}

/** What a planted bug can do beyond the store's calls. */
export interface Damage {
  readonly objects: Objects;
  readonly world: World;
  /** Called when the process dies. */
  onCrash(run: () => void): void;
}

export interface SimulationOptions {
  readonly bug?: PlantedBug;
  onLine?(line: string): void;
}

export interface SimulationResult {
  readonly seed: number;
  /** SHA-256 of everything that happened. */
  readonly hash: string;
  /** What was broken; null = every invariant held. */
  readonly problem: string | null;
  readonly events: number;
  /** How often each fault hit, as `call fault` and as `role fault`. */
  readonly faults: Readonly<Record<string, number>>;
  /** How often each act ended and how, as `act outcome`. */
  readonly acts: Readonly<Record<string, number>>;
}

/** Milliseconds that processes work before the faults stop. */
const workingTime = 300_000;
const week = 7 * 24 * 60 * 60 * 1000;
/** Far more than a run needs; beyond it, something goes round in circles. */
const mostEvents = 60_000;
const faultRates = [0, 0.01, 0.03, 0.08];

let initial: ReturnType<typeof createInitialObjects> | undefined;

const count = (counters: Record<string, number>, name: string) => {
  counters[name] = (counters[name] ?? 0) + 1;
};

/** What a fault or a race may end an act with; anything else is a defect. */
const expected: ReadonlySet<string> = new Set([
  'storage_unavailable',
  'ambiguous_write',
  'already_training',
  'lease_lost',
  'no_previous_champion',
  'prediction_expired',
  'store_changed',
  'store_in_training',
]);

export const simulate = async (
  seed: number,
  { bug, onLine }: SimulationOptions = {},
): Promise<SimulationResult> => {
  await nameThisProcess();
  initial ??= createInitialObjects();
  const random = createRandom(seed);
  const world = createWorld(random.fork('world'), onLine);
  const faults: Record<string, number> = {};
  const outcomes: Record<string, number> = {};
  const usualRate = faultRates[random.integer(faultRates.length)] ?? 0;
  let isOver = false;
  let observer: Monitor | undefined;
  const objects = createObjects(
    new Map(),
    () => world.now,
    () => observer,
  );
  const monitor = createMonitor(objects, () => world.now);
  observer = monitor;
  for (const [key, stored] of await initial) {
    objects.write(key, stored.bytes, 'the world');
    objects.map.set(key, stored); // as old as it is
  }

  const check = async (place: Objects, orphanAge: number): Promise<void> => {
    const store = directStore(place);
    const log = openRegistryLog(store, { clock: world.spawn('fsck').clock, newId: () => 'fsck' });
    const [problem] = await checkInvariants(store, log, { now: worldBegin + world.now, orphanAge });
    if (problem) {
      monitor.report(new Violation(problem.invariant, `fsck: ${problem.key} ${problem.message}`));
    }
  };

  const holds = (place: Objects, item: string): boolean => {
    const [labelId = '', hash = ''] = item.split('/');
    return place.map.has(feedbackKey(labelId, hash)) || place.map.has(archiveKey(labelId, hash));
  };
  const holdsOrSetAside = (place: Objects, item: string): boolean =>
    holds(place, item) || itemsSetAside(place).has(item);

  const open = async (
    process: VirtualProcess,
    role: RoleName,
    forked: Random,
    onCrash: () => void,
  ) => {
    const crashed: (() => void)[] = [onCrash];
    const view = (place: Objects, location: string) =>
      viewOf(
        world,
        place,
        process,
        {
          faultRate: () => (isOver ? 0 : usualRate),
          onFault: (kind: CallKind, fault: FaultName) => {
            count(faults, `${kind} ${fault}`);
            count(faults, `${role} ${fault}`);
          },
          onCrash: () => {
            for (const run of crashed) run();
          },
        },
        location,
      );
    const damage: Damage = { objects, world, onCrash: (run) => crashed.push(run) };
    const plain = view(objects, 'memory:source');
    const store = bug?.store?.(plain, role, damage) ?? plain;
    const components = await openProcess(process, store, forked, {
      isAbout: () => !isOver,
      wasSetAside: (labelId, hash) => itemsSetAside(objects).has(`${labelId}/${hash}`),
    });
    return { components: bug?.components?.(components, role) ?? components, view };
  };

  /** Does one act and judges how it ended. */
  const perform = async (name: ActName, scene: Scene, process: VirtualProcess): Promise<void> => {
    monitor.onAttempt(process.name);
    world.note(`${process.name} begins ${name}`);
    let outcome = 'done';
    try {
      await acts[name](scene);
    } catch (error) {
      outcome = isRelearnError(error) ? error.code : String(error);
      if (!expected.has(outcome)) {
        const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
        monitor.report(
          new Violation('I10', `${process.name} ${name} ended with ${outcome}: ${what}`),
        );
      }
    }
    world.note(`${process.name} ${name}: ${outcome}`);
    count(outcomes, `${name} ${outcome}`);
    monitor.onView(process.name, scene.components.registry.records());
  };

  /** Processes in the middle of something. */
  const busy = new Set<VirtualProcess>();
  const live = async (name: string, role: RoleName, incarnation: number): Promise<void> => {
    const process = world.spawn(`${name}.${incarnation}`);
    process.offset = random.integer(1_200_001) - 600_000;
    const forked = random.fork(process.name);
    // Somebody starts it again when it has died.
    const restart = () => {
      busy.delete(process);
      world.schedule(1_000 + forked.integer(5_000), () => {
        if (!isOver) void live(name, role, incarnation + 1);
      });
    };
    busy.add(process);
    const opened = await open(process, role, forked, restart).catch(() => undefined);
    if (!opened) {
      world.kill(process);
      return restart();
    }
    const { components, view } = opened;
    let copies = 0;
    let target: Objects | undefined;
    const scene: Scene = {
      world,
      components,
      random: forked,
      monitor,
      objects,
      copyTarget: () => {
        target ??= createObjects(
          new Map(),
          () => world.now,
          () => undefined,
        );
        return view(target, `memory:copy-${++copies}`);
      },
      onCopied: async (before) => {
        if (!target) return;
        const copied = target;
        target = undefined;
        await check(copied, week);
        const lost = before.find((item) => !holdsOrSetAside(copied, item));
        if (lost) monitor.report(new Violation('I1', `the copy lacks ${lost}`));
      },
    };
    const { acts: possible, pause } = roles[role];
    while (!isOver) {
      busy.delete(process);
      await process.clock.sleep(pause(forked));
      if (isOver) return;
      busy.add(process);
      await perform(possible[forked.integer(possible.length)] as ActName, scene, process);
    }
    busy.delete(process);
  };

  for (const [role, { count: processes }] of Object.entries(roles)) {
    for (let n = 1; n <= processes; n++) void live(`${role}${n}`, role as RoleName, 1);
  }
  world.schedule(workingTime, () => {
    isOver = true;
    world.note('the faults stop');
  });
  const isBroken = () => monitor.violation !== undefined;
  await world.runUntil(() => isBroken() || (isOver && busy.size === 0), mostEvents);
  if (!isBroken() && !(isOver && busy.size === 0)) {
    monitor.report(new Violation('I11', `${busy.size} processes never came to rest`));
  }

  const settle = async (): Promise<void> => {
    const process = world.spawn('last');
    const { components } = await open(process, 'trainer', random.fork('last'), () => {});
    const trainer: Components['trainer'] = async (request, watch) => {
      const { candidate, report, points } = await components.trainer(request, watch);
      const verdict = request.champion === null ? 'first' : 'promote';
      const gate = { ...candidate.gate, verdict } as const;
      return { candidate: { ...candidate, gate }, report: { ...report, gate }, points };
    };
    await process.clock.sleep(leaseTimeToLive + 1_000);
    monitor.onAttempt(process.name);
    await bringBack(components, 'all');
    for (let tries = 0; tries < 3; tries++) await considerTraining({ ...components, trainer });
    const pending = await pendingFeedback(
      components.feedbackQuery(await components.registry.read()),
    );
    if (Math.min(...pending.items.values()) >= components.settings.threshold) {
      monitor.report(new Violation('I11', `feedback waits: ${JSON.stringify([...pending.items])}`));
    }
    // Now everything is looked at: what decodes is an item, the rest is set aside.
    await train({ ...components, trainer });
    const { unread } = await pendingFeedback(
      components.feedbackQuery(await components.registry.read()),
    );
    if (unread.length > 0) monitor.report(new Violation('I11', `not looked at: ${unread}`));
    await process.clock.sleep(2 * week);
    await collectGarbage(components);
    await check(objects, week);
  };
  if (!isBroken()) {
    let isDone = false;
    settle()
      .catch((error: unknown) => {
        monitor.report(new Violation('I11', `the last process: ${String(error)}`));
      })
      .finally(() => {
        isDone = true;
      });
    await world.runUntil(() => isDone || isBroken(), mostEvents);
    if (!isDone && !isBroken()) monitor.report(new Violation('I11', 'nothing happens any more'));
  }
  const lost = [...monitor.acknowledged].find((item) => !holds(objects, item));
  if (lost) monitor.report(new Violation('I1', `${lost} was acknowledged and is gone`));
  const vanished = monitor.lostOfThose();
  if (vanished) monitor.report(new Violation('I1', `${vanished}, put by hand, came to nothing`));
  return {
    seed,
    hash: world.hash(),
    problem: monitor.violation?.message ?? null,
    events: world.events,
    faults,
    acts: outcomes,
  };
};
