/**
 * Known mistakes of such protocols, each put between a process and what it works with, so that the
 * simulation can show that it would find them. Every one was made by somebody, or nearly.
 */
import type { Components } from '../../src/loop/components.ts';
import { uploadByContent } from '../../src/loop/upload-by-content.ts';
import { heartbeatKey, logPrefix, logSlotKey } from '../../src/records/keys.ts';
import { readVerified } from '../../src/records/read-verified.ts';
import { leaseTimeToLive } from '../../src/registry/lease.ts';
import type { RegistryLog } from '../../src/registry/registry-log.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { abandonedModelKey } from './initial-objects.ts';
import type { PlantedBug } from './simulate.ts';

export interface BugWithBound extends PlantedBug {
  /** It must be found within so many seeds. */
  readonly within: number;
}

const withRegistry = (components: Components, registry: RegistryLog): Components => ({
  ...components,
  registry,
});

/** Keeps the getter of the log's state. */
const changedLog = (log: RegistryLog, append: RegistryLog['append']): RegistryLog => ({
  get state() {
    return log.state;
  },
  read: log.read,
  records: log.records,
  append,
});

export const plantedBugs: readonly BugWithBound[] = [
  {
    name: 'the lock is deleted on release: with the heartbeat goes its log slot',
    within: 20,
    store: (store) => ({
      ...store,
      delete: async (key) => {
        await store.delete(key);
        const [, epoch] = /^hb\/(\d+)$/.exec(key) ?? [];
        if (epoch) await store.delete(logSlotKey(Number(epoch)));
      },
    }),
  },
  {
    name: 'no directory sync: a crash takes what was acknowledged in the last two seconds',
    within: 50,
    store: (store, role, { objects, world, onCrash }) => {
      const unsynced = new Map<string, number>();
      onCrash(() => {
        for (const [key, at] of unsynced) {
          if (world.now - at < 2_000) objects.remove(key, `the crash of a ${role}`);
        }
      });
      return {
        ...store,
        putIfAbsent: async (key, bytes) => {
          const outcome = await store.putIfAbsent(key, bytes);
          if (outcome === 'created') unsynced.set(key, world.now);
          return outcome;
        },
      };
    },
  },
  {
    name: 'published before the upload is done',
    within: 100,
    store: (store) => ({
      ...store,
      putIfAbsent: async (key, bytes) => {
        if (!key.startsWith('models/')) return store.putIfAbsent(key, bytes);
        store.putIfAbsent(key, bytes).catch(() => {});
        return 'created';
      },
    }),
  },
  {
    name: "a lease judged by the contender's wall clock",
    within: 50,
    components: (components) => {
      const { leases, registry, store, clock, owner } = components;
      return {
        ...components,
        leases: {
          ...leases,
          tryAcquire: async () => {
            const { lease: holder } = await registry.read();
            if (!holder) return leases.tryAcquire();
            const last =
              (await store.head(heartbeatKey(holder.epoch))) ??
              (await store.head(logSlotKey(holder.epoch)));
            if (last && clock.now() - last.modifiedAt < leaseTimeToLive) {
              return { lease: undefined, holder };
            }
            const { appended } = await registry.append((current) =>
              current.lease?.epoch === holder.epoch
                ? { type: 'lease', epoch: current.nextSlot, owner }
                : undefined,
            );
            return appended
              ? { lease: { epoch: appended.slot, owner } }
              : { lease: undefined, holder };
          },
        },
      };
    },
  },
  {
    name: '"exists" is read as "lost", also where it echoes one\'s own write',
    within: 2_000,
    store: (store) => {
      const echoed = new Set<string>();
      return {
        ...store,
        putIfAbsent: async (key, bytes) => {
          const outcome = await store.putIfAbsent(key, bytes);
          if (outcome === 'exists' && key.startsWith(logPrefix)) echoed.add(key);
          return outcome;
        },
        // The look at who wrote the slot finds somebody else.
        get: async (key) => {
          const bytes = await store.get(key);
          if (!bytes || !echoed.delete(key)) return bytes;
          const entry = JSON.parse(Buffer.from(bytes).toString());
          return Buffer.from(JSON.stringify({ ...entry, writeId: 'somebody else' }));
        },
      };
    },
  },
  {
    name: 'a conflict in which nothing landed is read as success',
    within: 500,
    store: (store) => ({
      ...store,
      putIfAbsent: (key, bytes) => store.putIfAbsent(key, bytes).catch(() => 'created' as const),
    }),
  },
  {
    name: 'the epoch comes from a lock object that starts again at 1',
    within: 20,
    components: (components) => {
      const { leases, registry, owner } = components;
      return {
        ...components,
        leases: {
          ...leases,
          tryAcquire: async () => {
            const { lease: holder } = await registry.read();
            if (holder) return { lease: undefined, holder };
            const { appended } = await registry.append(() => ({ type: 'lease', epoch: 1, owner }));
            return { lease: { epoch: appended?.slot ?? 1, owner } };
          },
        },
      };
    },
  },
  {
    name: 'decided once: what was decided is written to whichever slot is free',
    within: 2_000,
    components: (components) => {
      const { registry } = components;
      const append: RegistryLog['append'] = (decide) => {
        let decided: ReturnType<typeof decide> | null = null;
        return registry.append((state) => {
          // A lease's epoch must be its slot; the others are what was decided first.
          if (decided === null || decided?.type === 'lease') decided = decide(state);
          return decided;
        });
      };
      return withRegistry(components, changedLog(registry, append));
    },
  },
  {
    name: 'a training that goes on from a checkpoint does not claim its feedback again',
    within: 300,
    components: (components) => {
      const { registry } = components;
      const append: RegistryLog['append'] = (decide) =>
        registry.append((state) => {
          const decided = decide(state);
          const goesOn = decided?.type === 'claim' && decided.step !== undefined;
          return goesOn ? undefined : decided;
        });
      return withRegistry(components, changedLog(registry, append));
    },
  },
  {
    name: 'archived feedback is deleted before the copy is verified',
    within: 50,
    store: (store) => {
      const believed = new Map<string, Uint8Array>();
      return {
        ...store,
        put: async (key, bytes) => {
          if (!key.startsWith('archive/')) return store.put(key, bytes);
          believed.set(key, bytes);
          store.put(key, bytes).catch(() => {});
        },
        get: async (key) => believed.get(key) ?? store.get(key),
      };
    },
  },
  {
    name: 'a model made again takes the place of the one that nothing referred to',
    within: 1_000,
    components: (components) => ({
      ...components,
      trainer: async (request, watch) => {
        const { store } = components;
        const { candidate, ...rest } = await components.trainer(request, watch);
        const bytes = await readVerified(store, candidate.model);
        const { key } = await uploadByContent(store, abandonedModelKey(bytes), bytes);
        return { ...rest, candidate: { ...candidate, model: { ...candidate.model, key } } };
      },
    }),
  },
  {
    name: 'a picture put by hand is removed, and then its item written under the same name',
    within: 50,
    store: (store) => ({
      ...store,
      put: async (key, bytes) => {
        if (key.startsWith('feedback/')) await store.delete(key);
        return store.put(key, bytes);
      },
    }),
  },
  {
    name: 'a list ends with its first page',
    within: 50,
    store: (store): ObjectStore => ({
      ...store,
      async *list(prefix, options) {
        yield* store.list(prefix, { ...options, limit: Math.min(options?.limit ?? 4, 4) });
      },
    }),
  },
];
