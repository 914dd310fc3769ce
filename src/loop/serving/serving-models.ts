/**
 * The models that answer in this process. The champion is followed through the log; a new one is
 * loaded beside the old one and takes its place between two requests. The old model ends when the
 * last request that uses it has its answer, so a change of champion fails nobody.
 */
import { isRelearnError, RelearnError } from '../../base/errors.ts';
import { versionOf } from '../../registry/registry-state.ts';
import type { Components } from '../components.ts';
import { type LoadedModel, loadModel } from './load-model.ts';

/** Milliseconds between two looks at the log. */
const watchInterval = 1_000;
/** Milliseconds after which a look is too old to answer by, where the process stood still meanwhile. */
const oldestLook = 4_000;
/** Milliseconds without a sign of running after which a process counts as having stood still. */
const standstill = 2 * watchInterval;
/** Milliseconds after a standstill in which requests wait for a look. */
const longestWait = 2_000;
const longestPause = 60_000;

interface Slot {
  readonly model: LoadedModel;
  users: number;
  retired: boolean;
}

export interface ServingModels {
  /** Runs `work` with the champion, or with the version named; the model stays loaded meanwhile. */
  use<T>(version: number | undefined, work: (model: LoadedModel) => Promise<T>): Promise<T>;
  /** Loads the champion if need be; null = a model answers. */
  whyNotReady(): Promise<string | null>;
  close(): Promise<void>;
}

export const createServingModels = (components: Components): ServingModels => {
  const { registry, clock, log, observer } = components;
  const closing = new AbortController();
  const retiring = new Set<Promise<void>>();
  let champion: Slot | undefined;
  let pinned: Slot | undefined;
  let updating: Promise<void> | undefined;
  let watching: Promise<void> | undefined;
  let failure:
    | { readonly version: number; readonly error: unknown; readonly until: number }
    | undefined;
  let pause = watchInterval;
  /** When the last look that succeeded began. */
  let lookedAt = Number.NEGATIVE_INFINITY;
  /** When this process was last seen running, and since when without a standstill. */
  let awakeAt = Number.NEGATIVE_INFINITY;
  let awakeSince = Number.NEGATIVE_INFINITY;
  let isStoreAway = false;

  const end = (slot: Slot) => {
    const ended = slot.model.classifier.close().catch((error: unknown) => {
      log('warn', 'A model did not end cleanly.', {
        version: slot.model.version,
        error: String(error),
      });
    });
    retiring.add(ended);
    void ended.then(() => retiring.delete(ended));
  };

  const retire = (slot: Slot | undefined) => {
    if (!slot) return;
    slot.retired = true;
    if (slot.users === 0) end(slot);
  };

  const open = async (version: number): Promise<Slot> => ({
    model: await loadModel(components, versionOf(registry.state, version)),
    users: 0,
    retired: false,
  });

  /** Told once when the store goes away and once when it is back, however often it is asked. */
  const readLog = async () => {
    try {
      const state = await registry.read();
      if (isStoreAway) log('info', 'The store can be read again.');
      isStoreAway = false;
      return state;
    } catch (error) {
      if (!isStoreAway)
        log('warn', 'The store can not be read; whatever model is loaded goes on answering.', {
          version: champion?.model.version ?? null,
          code: isRelearnError(error) ? error.code : null,
          error: error instanceof Error ? error.message : String(error),
        });
      isStoreAway = true;
      throw error;
    }
  };

  /** Loads the newest champion where it is not the one that answers. */
  const follow = async () => {
    const { champion: wanted } = await readLog();
    if (wanted === null || wanted === champion?.model.version) return;
    if (failure?.version === wanted && clock.monotonic() < failure.until) throw failure.error;
    const started = clock.monotonic();
    const seconds = () => (clock.monotonic() - started) / 1000;
    try {
      const next = await open(wanted);
      retire(champion);
      champion = next;
      failure = undefined;
      pause = watchInterval;
      observer.championLoaded?.({ version: wanted }, seconds());
      log('info', `Version ${wanted} answers now.`, { version: wanted });
    } catch (error) {
      // The old model goes on answering; trying again at once would only repeat the failure.
      failure = { version: wanted, error, until: clock.monotonic() + pause };
      pause = Math.min(pause * 2, longestPause);
      observer.championLoaded?.('failed', seconds());
      log('error', `Version ${wanted} could not be loaded.`, {
        version: wanted,
        error: error instanceof Error ? error.message : String(error),
      });
      throw error;
    }
  };

  /** At most one load at a time; everybody who asks meanwhile waits for the same one. */
  const update = (): Promise<void> => {
    const began = clock.monotonic();
    updating ??= follow()
      .then(() => {
        lookedAt = began;
      })
      .finally(() => {
        updating = undefined;
      });
    return updating;
  };

  const noticeStandstill = () => {
    const now = clock.monotonic();
    if (now - awakeAt > standstill) awakeSince = now;
    awakeAt = now;
  };

  /**
   * After a host froze the process, perhaps for hours, and thawed it for a request. A process that
   * was awake all the time waits for nothing: if its looks are late, the storage is away or slow,
   * and the old model answers.
   */
  const catchUp = async () => {
    noticeStandstill();
    const isBehind = () => clock.monotonic() - lookedAt > oldestLook;
    const wait = awakeSince + longestWait - clock.monotonic();
    if (!isBehind() || wait <= 0) return;
    const timer = new AbortController();
    const look = async () => {
      // A look that is on its way began before the request: without its credentials, or frozen too.
      for (let looks = 0; looks < 2 && isBehind(); looks++) await update().catch(() => {});
    };
    await Promise.race([look(), clock.sleep(wait, timer.signal).catch(() => {})]);
    timer.abort();
    // One wait for each standstill is enough.
    if (isBehind()) awakeSince = Number.NEGATIVE_INFINITY;
  };

  const watch = async () => {
    while (!closing.signal.aborted) {
      await clock.sleep(watchInterval, closing.signal).catch(() => {});
      noticeStandstill();
      // `follow` has told of a failure; storage that does not answer is asked again in a second.
      if (!closing.signal.aborted) void update().catch(() => {});
    }
  };

  const currentChampion = async (): Promise<Slot> => {
    if (closing.signal.aborted) throw notReady('The program is stopping.');
    if (champion) await catchUp();
    else await update();
    watching ??= watch();
    if (!champion) throw notReady('There is no model yet.');
    return champion;
  };

  const namedVersion = async (version: number): Promise<Slot> => {
    if (champion?.model.version === version) return champion;
    if (pinned?.model.version === version) return pinned;
    await registry.read();
    const next = await open(version);
    retire(pinned);
    pinned = next;
    return next;
  };

  return {
    use: async (version, work) => {
      const find = () => (version === undefined ? currentChampion() : namedVersion(version));
      let slot = await find();
      // It may have been retired between being found and being handed to this request.
      while (slot.retired) slot = await find();
      slot.users++;
      try {
        return await work(slot.model);
      } finally {
        slot.users--;
        if (slot.retired && slot.users === 0) end(slot);
      }
    },
    whyNotReady: async () => {
      // A model that answers needs no storage.
      if (champion && !closing.signal.aborted) return null;
      try {
        await currentChampion();
        return null;
      } catch (error) {
        if (isRelearnError(error, 'model_not_ready')) return error.message;
        // `follow` has logged why; those who ask from outside learn no key and no path.
        return failure
          ? `Version ${failure.version} could not be loaded.`
          : 'The store could not be read.';
      }
    },
    close: async () => {
      closing.abort();
      await updating?.catch(() => {});
      await watching;
      retire(champion);
      retire(pinned);
      champion = undefined;
      pinned = undefined;
      await Promise.all(retiring);
    },
  };
};

const notReady = (message: string) =>
  new RelearnError('unavailable', 'model_not_ready', message, {
    hint: 'Import labelled pictures and train a first model: relearn import pictures/ && relearn train',
  });
