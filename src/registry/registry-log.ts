/** The log: create-only numbered slots in the store. */
import type { Clock } from '../base/clock.ts';
import type { EntryDraft, RegistryEntry } from '../records/registry-entry.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { RegistryState } from './registry-state.ts';

export interface LogRecord {
  readonly slot: number;
  readonly entry: RegistryEntry;
}

export interface RegistryLog {
  /** The state as of the last `read` or `append`; no call to the store. */
  readonly state: RegistryState;
  /** Reads what was appended since, and folds it. One call to the store when nothing was. */
  read(): Promise<RegistryState>;
  /**
   * Appends what `decide` wants, given the newest state; asked again whenever another writer was
   * faster. `state.nextSlot` is the slot that the entry will take. Undefined = append nothing.
   */
  append(
    decide: (state: RegistryState) => EntryDraft | undefined,
  ): Promise<{ readonly appended: LogRecord | undefined; readonly state: RegistryState }>;
  /** The records from this slot on, as far as they have been read. */
  records(from?: number): readonly LogRecord[];
}

export interface RegistryLogOptions {
  readonly clock: Clock;
  newId(): string;
}

/** Reads nothing yet; call `read` first where the state matters. */
export declare const openRegistryLog: (
  store: ObjectStore,
  options: RegistryLogOptions,
) => RegistryLog;
