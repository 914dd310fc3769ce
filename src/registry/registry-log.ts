/**
 * The log: numbered slots in the store, each created once and never changed. Whoever creates the
 * next slot decides what happened next; whoever finds it taken reads it and decides again. (Delta
 * Lake and SlateDB commit the same way.)
 */
import type { Clock } from '../base/clock.ts';
import { isRelearnError, RelearnError } from '../base/errors.ts';
import { encodeJson } from '../records/json-object.ts';
import { logPrefix, logSlotKey, parseLogSlotKey } from '../records/keys.ts';
import {
  type EntryDraft,
  entryHeaderSchema,
  knownEntryTypes,
  type RegistryEntry,
  readerVersion,
  registryEntrySchema,
} from '../records/registry-entry.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { applyEntry, emptyRegistryState, type RegistryState } from './registry-state.ts';

export interface LogRecord {
  readonly slot: number;
  readonly entry: RegistryEntry;
}

/** For an entry that is worth waiting for while the storage is away. */
export interface AppendPatience {
  /** Milliseconds. */
  readonly patience: number;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  /** Called before each wait. */
  onAway(error: RelearnError): void;
}

export interface RegistryLog {
  /** The state as of the last `read` or `append`; no call to the store. */
  readonly state: RegistryState;
  /**
   * Reads what was appended since, and folds it. One call to the store when nothing was.
   * @throws RelearnError corrupt/`invalid_log_slot`, corrupt/`log_gap`; `state` then keeps what was
   * read before
   */
  read(): Promise<RegistryState>;
  /**
   * Appends what `decide` wants, given the newest state; asked again whenever another writer was
   * faster. `state.nextSlot` is the slot that the entry will take. Undefined = append nothing.
   * @throws RelearnError unavailable/`store_too_new`, unavailable/`ambiguous_write`, and `read`'s
   */
  append(
    decide: (state: RegistryState) => EntryDraft | undefined,
    patience?: AppendPatience,
  ): Promise<{ readonly appended: LogRecord | undefined; readonly state: RegistryState }>;
  /** The records from this slot on, as far as they have been read. */
  records(from?: number): readonly LogRecord[];
}

export interface RegistryLogOptions {
  readonly clock: Clock;
  /** Unique names. */
  newId(): string;
  /** Called before an entry is written; what it throws keeps the entry from being written. */
  beforeAppend?(): Promise<void>;
}

/** Slots fetched together on the first read. */
const fetchedTogether = 16;
/** Milliseconds before each new try of a write whose outcome is unknown. */
const retryDelays = [50, 200, 1_000, 3_000];
/** Milliseconds between two tries of an entry that is worth waiting for. */
const awayPause = 5_000;
const awayCodes = new Set(['storage_unavailable', 'ambiguous_write']);

type Slot = { readonly entry: RegistryEntry } | { readonly tooNew: string };

const decodeSlot = (bytes: Uint8Array, key: string): Slot => {
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    const { type, minReaderVersion } = entryHeaderSchema.parse(json);
    if (minReaderVersion > readerVersion) return { tooNew: `format ${minReaderVersion}` };
    if (!knownEntryTypes.has(type)) return { tooNew: `an entry of type ${JSON.stringify(type)}` };
    return { entry: registryEntrySchema.parse(json) };
  } catch (error) {
    throw new RelearnError('corrupt', 'invalid_log_slot', `The log entry ${key} is damaged.`, {
      hint: 'Restore it from a backup. It is never skipped, because what follows rests on it.',
      cause: error,
      details: { key },
    });
  }
};

/** Reads nothing yet; call `read` first where the state matters. */
export const openRegistryLog = (
  store: ObjectStore,
  { clock, newId, beforeAppend = async () => {} }: RegistryLogOptions,
): RegistryLog => {
  let state = emptyRegistryState;
  const records: LogRecord[] = [];
  let opened = false;
  let reading: Promise<RegistryState> | undefined;
  let nextReading: Promise<RegistryState> | undefined;

  const fold = (bytes: Uint8Array): void => {
    const slot = state.nextSlot;
    const found = decodeSlot(bytes, logSlotKey(slot));
    if ('tooNew' in found) {
      const reason = `slot ${slot} holds ${found.tooNew}, which this program does not know`;
      state = { ...state, halted: { slot, reason } };
      return;
    }
    state = applyEntry(state, found.entry);
    records.push({ slot, entry: found.entry });
  };

  /** The first read asks the list for the end, so that a hole in the middle is noticed. */
  const lastListedSlot = async (): Promise<number> => {
    let last = 0;
    for await (const { key } of store.list(logPrefix)) {
      last = Math.max(last, parseLogSlotKey(key) ?? 0);
    }
    return last;
  };

  const readUpTo = async (last: number): Promise<void> => {
    while (!state.halted && state.nextSlot <= last) {
      const count = Math.min(fetchedTogether, last - state.nextSlot + 1);
      const keys = Array.from({ length: count }, (_, index) => logSlotKey(state.nextSlot + index));
      const bodies = await Promise.all(keys.map((key) => store.get(key)));
      for (const [index, bytes] of bodies.entries()) {
        if (!bytes) {
          throw new RelearnError('corrupt', 'log_gap', `The log entry ${keys[index]} is missing.`, {
            hint: 'Restore it from a backup. Entries of the log must never be deleted.',
            details: { key: keys[index] },
          });
        }
        if (!state.halted) fold(bytes);
      }
    }
  };

  const catchUp = async (): Promise<RegistryState> => {
    if (!opened) {
      await readUpTo(await lastListedSlot());
      opened = true;
    }
    while (!state.halted) {
      const bytes = await store.get(logSlotKey(state.nextSlot));
      if (!bytes) break;
      fold(bytes);
    }
    return state;
  };

  const startReading = (): Promise<RegistryState> => {
    nextReading = undefined;
    reading = catchUp().finally(() => {
      reading = undefined;
    });
    return reading;
  };

  /**
   * One read at a time, so that no slot is folded twice. What began before a call may miss what was
   * appended meanwhile, so whoever comes during a read shares the next one; a storage that did not
   * answer the one before is not asked again for them, or a crowd would wait for ages.
   */
  const readFresh = (): Promise<RegistryState> => {
    if (nextReading) return nextReading;
    if (!reading) return startReading();
    nextReading = reading.then(startReading, (error: unknown) => {
      if (!isRelearnError(error, 'storage_unavailable')) return startReading();
      nextReading = undefined;
      throw error;
    });
    return nextReading;
  };

  /** Retries where the outcome is unknown: the same body again can't do harm. */
  const create = async (key: string, bytes: Uint8Array): Promise<'created' | 'exists'> => {
    for (const delay of retryDelays) {
      try {
        return await store.putIfAbsent(key, bytes);
      } catch (error) {
        if (!isRelearnError(error, 'ambiguous_write')) throw error;
        await clock.sleep(delay);
      }
    }
    return store.putIfAbsent(key, bytes);
  };

  /** "Exists" may be the echo of our own first try: the write id tells. */
  const isOurs = async (key: string, writeId: string): Promise<boolean> => {
    const bytes = await store.get(key).catch((cause) => {
      throw new RelearnError(
        'unavailable',
        'ambiguous_write',
        `It is not known who wrote ${key}.`,
        {
          hint: 'Try again; what was written is found then.',
          cause,
        },
      );
    });
    if (!bytes) return false;
    const found = decodeSlot(bytes, key);
    return 'entry' in found && found.entry.writeId === writeId;
  };

  /** @param writeId the same at every try: an earlier one may have landed, perhaps long after it failed */
  const tryToAppend = async (
    decide: (state: RegistryState) => EntryDraft | undefined,
    writeId: string,
  ): ReturnType<RegistryLog['append']> => {
    for (;;) {
      const before = await readFresh();
      const landed = records.findLast(({ entry }) => entry.writeId === writeId);
      if (landed) return { appended: landed, state: before };
      if (before.halted) {
        throw new RelearnError(
          'unavailable',
          'store_too_new',
          `The log goes beyond this program: ${before.halted.reason}.`,
          {
            hint: 'Upgrade relearn; a newer release has written to this store.',
            details: before.halted,
          },
        );
      }
      const draft = decide(before);
      if (!draft) return { appended: undefined, state: before };
      await beforeAppend();
      const entry: RegistryEntry = {
        ...draft,
        writeId,
        minReaderVersion: 1,
        at: new Date(clock.now()).toISOString(),
      };
      const slot = before.nextSlot;
      const key = logSlotKey(slot);
      const outcome = await create(key, encodeJson(registryEntrySchema.parse(entry)));
      if (outcome === 'created' || (await isOurs(key, writeId))) {
        return { appended: { slot, entry }, state: await readFresh() };
      }
    }
  };

  const append: RegistryLog['append'] = async (decide, waiting) => {
    const writeId = newId();
    const giveUpAt = clock.monotonic() + (waiting?.patience ?? 0);
    for (;;) {
      try {
        return await tryToAppend(decide, writeId);
      } catch (error) {
        const isAway = isRelearnError(error) && awayCodes.has(error.code);
        if (!waiting || !isAway || clock.monotonic() >= giveUpAt) throw error;
        waiting.onAway(error);
        await clock.sleep(awayPause, waiting.signal);
      }
    }
  };

  return {
    get state() {
      return state;
    },
    read: readFresh,
    append,
    records: (from = 1) => records.slice(Math.max(0, from - 1)),
  };
};
