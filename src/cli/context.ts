/**
 * What a command gets from outside: streams, environment, time, the network and the two ways to
 * open a store. The entrance fills it with the real ones, tests with their own.
 */
import type { Clock } from '../base/clock.ts';
import type { RelearnOptions } from '../loop/components.ts';
import type { Relearn } from '../loop/relearn-api.ts';
import type { CopyOptions } from '../loop/store/copy-store.ts';
import type { InitOptions } from '../loop/store/init-store.ts';
import type { CopyReport, InitReport } from '../records/reports.ts';

export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface CliContext {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Aborted by Ctrl-C (its reason's message is SIGINT) and by SIGTERM. */
  readonly signal: AbortSignal;
  /** Of the program. */
  readonly version: string;
  readonly fetch: typeof globalThis.fetch;
  openRelearn(options: RelearnOptions): Promise<Relearn>;
  initStore(options: InitOptions): Promise<InitReport>;
  copyStore(options: Omit<CopyOptions, 'newId'>): Promise<CopyReport>;
}
