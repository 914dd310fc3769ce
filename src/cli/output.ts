/**
 * Where a command speaks: the result goes to stdout (as text, or as one JSON document), everything
 * said on the way to stderr, so that a pipe carries nothing but the result.
 */
import type { CliContext } from './context.ts';
import { createProgress, type Progress } from './progress.ts';

export interface Output {
  /**
   * Prints the result: the value with --json, else the text.
   * @param next what to do now; not with --quiet
   */
  result(value: unknown, text: string, next?: string): void;
  /** A line on the way, for people; silent with --quiet. */
  note(line: string): void;
  /** A line that must be seen even with --quiet. */
  warn(line: string): void;
  /** A bar on a terminal, plain lines elsewhere, nothing with --quiet. Call `stop` when done. */
  progress(label: string, unit: string): Progress;
}

export const createOutput = (
  context: CliContext,
  options: { readonly json: boolean; readonly quiet: boolean },
): Output => {
  let active: Progress | undefined;
  const say = (line: string) =>
    active ? active.print(line) : void context.stderr.write(`${line}\n`);
  return {
    result: (value, text, next = '') => {
      const said = next === '' || options.quiet ? text : `${text}\n${next}`;
      context.stdout.write(`${options.json ? JSON.stringify(value, null, 2) : said}\n`);
    },
    note: (line) => {
      if (!options.quiet) say(line);
    },
    warn: say,
    progress: (label, unit) => {
      const progress = createProgress(context, { label, unit, quiet: options.quiet });
      const outer = active;
      active = progress;
      return {
        ...progress,
        stop: () => {
          if (active !== progress) return;
          progress.stop();
          active = outer;
        },
      };
    },
  };
};
