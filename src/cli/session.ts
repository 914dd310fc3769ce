/**
 * What every command shares: the options that all of them take, and the frame around an action that
 * opens the store on demand, closes it always and keeps the exit code.
 */
import type { Command } from 'commander';
import type { RelearnOptions } from '../loop/components.ts';
import type { Relearn } from '../loop/relearn-api.ts';
import type { CliContext } from './context.ts';
import { exitCodes } from './failure.ts';
import { createOutput, type Output } from './output.ts';
import { formatLogLine } from './text.ts';

/** One command's file: adds its arguments, options, help and action to the bare command. */
export interface CommandModule {
  define(command: Command, session: Session): void;
}

export interface Run {
  readonly context: CliContext;
  readonly output: Output;
  /** The store's URL: `--store`, else `RELEARN_STORE`, else a folder here. */
  readonly store: string;
  /** Only what `--store` said. */
  readonly givenStore: string | undefined;
  readonly json: boolean;
  /** The store, opened once and closed when the action ends. */
  open(options?: Omit<RelearnOptions, 'store'>): Promise<Relearn>;
}

/** Returns an exit code, or nothing for 0. */
type Action<Arguments extends unknown[]> = (
  run: Run,
  ...args: Arguments
) => Promise<number | undefined>;

export interface Session {
  readonly context: CliContext;
  exitCode: number;
  /** Makes a commander action of a command's own function. */
  act<Arguments extends unknown[]>(
    action: Action<Arguments>,
  ): (...args: [...Arguments, Command]) => Promise<void>;
}

interface SharedOptions {
  readonly store?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const createRun = (context: CliContext, shared: SharedOptions, opened: Relearn[]): Run => {
  const json = shared.json ?? false;
  const output = createOutput(context, { json, quiet: shared.quiet ?? false });
  const store = shared.store ?? context.env.RELEARN_STORE ?? './relearn-store';
  return {
    context,
    output,
    json,
    store,
    givenStore: shared.store,
    open: async (options = {}) => {
      const { threadsFrom } = await import('../http/environment.ts');
      const threads = threadsFrom(context.env);
      const relearn = await context.openRelearn({
        clock: context.clock,
        env: context.env,
        // What a command has to say it says itself.
        log: (level, message, fields) => {
          if (level === 'info' && !context.env.RELEARN_DEBUG) return;
          output.warn(formatLogLine(message, fields));
        },
        ...(threads === undefined ? {} : { threads }),
        ...options,
        store,
      });
      opened.push(relearn);
      return relearn;
    },
  };
};

export const createSession = (context: CliContext): Session => {
  const session: Session = {
    context,
    exitCode: exitCodes.done,
    act:
      <Arguments extends unknown[]>(action: Action<Arguments>) =>
      async (...args: [...Arguments, Command]) => {
        // commander hands over the command itself last.
        const command = args[args.length - 1] as Command;
        const own = args.slice(0, -1) as unknown[] as Arguments;
        const opened: Relearn[] = [];
        const run = createRun(context, command.optsWithGlobals<SharedOptions>(), opened);
        try {
          session.exitCode = (await action(run, ...own)) ?? exitCodes.done;
        } finally {
          for (const relearn of opened) await relearn.close();
        }
      },
  };
  return session;
};
