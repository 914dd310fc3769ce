/** Turns whatever a command throws into an exit code, a line for people and a value for programs. */
import { CommanderError } from 'commander';
import { RelearnError } from '../base/errors.ts';

export const exitCodes = { done: 0, failed: 1, wrongUsage: 2, interrupted: 130 } as const;

export interface Failure {
  readonly exitCode: number;
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
}

/** commander's own codes, in this program's words. */
const usageCodes: Readonly<Record<string, string>> = {
  'commander.unknownOption': 'unknown_option',
  'commander.unknownCommand': 'unknown_command',
  'commander.missingArgument': 'missing_argument',
  'commander.missingMandatoryOptionValue': 'missing_option',
  'commander.optionMissingArgument': 'missing_option_value',
  'commander.invalidArgument': 'invalid_option_value',
  'commander.excessArguments': 'too_many_arguments',
  'commander.help': 'missing_command',
};

/** Failures of the operating system, in this program's words: what happened, and the cure. */
const systemFailures: Readonly<Record<string, readonly [predicate: string, hint: string]>> = {
  ENOENT: ['does not exist.', 'Check the path.'],
  EEXIST: ['exists already.', 'Choose another name; nothing is written over.'],
  EISDIR: ['is a folder.', 'Name a file.'],
  ENOTDIR: ['lies below a file, not a folder.', 'Check the path.'],
  EACCES: ['may not be read or written.', 'Check the permissions of this path.'],
  ENOSPC: ['does not fit on the disk.', 'Make room on this disk and run the command again.'],
};

const describeSystemFailure = (error: NodeJS.ErrnoException): Failure | undefined => {
  const code = error.code ?? '';
  const known = Object.hasOwn(systemFailures, code) ? systemFailures[code] : undefined;
  if (known === undefined) return undefined;
  const [predicate, hint] = known;
  const message =
    error.path === undefined ? `A path that was named ${predicate}` : `${error.path} ${predicate}`;
  return { exitCode: exitCodes.failed, code: code.toLowerCase(), message, hint };
};

const isAbort = (error: unknown): boolean =>
  error instanceof Error && (error.name === 'AbortError' || error.name === 'Interrupted');

/** commander's words as a sentence: `error: unknown option '--x'` becomes `Unknown option '--x'.` */
const asSentence = (message: string): string => {
  const [first = '', ...more] = message.replace(/^error: /, '').split('\n');
  const sentence = `${first[0]?.toUpperCase() ?? ''}${first.slice(1)}`;
  return [/[.?!]$/.test(sentence) ? sentence : `${sentence}.`, ...more].join(' ');
};

const describeUsage = (error: CommanderError): Failure => ({
  exitCode: exitCodes.wrongUsage,
  code: usageCodes[error.code] ?? 'wrong_usage',
  message: error.code === 'commander.help' ? 'A command is missing.' : asSentence(error.message),
  hint: 'Run the command with --help to see what it takes.',
});

export const describeFailure = (error: unknown, interrupted: boolean): Failure => {
  if (interrupted || isAbort(error)) {
    return {
      exitCode: exitCodes.interrupted,
      code: 'interrupted',
      message: 'Stopped.',
      hint: 'Nothing was lost. Run the command again to go on; a training goes on with relearn train --resume.',
    };
  }
  if (error instanceof CommanderError) return describeUsage(error);
  if (error instanceof RelearnError) {
    return {
      exitCode: error.kind === 'usage' ? exitCodes.wrongUsage : exitCodes.failed,
      code: error.code,
      message: error.message,
      hint: error.hint ?? null,
    };
  }
  const systemFailure = error instanceof Error ? describeSystemFailure(error) : undefined;
  return (
    systemFailure ?? {
      exitCode: exitCodes.failed,
      code: 'internal',
      message: error instanceof Error ? error.message : String(error),
      hint: 'Set RELEARN_DEBUG=1 to see where this happened, and report it.',
    }
  );
};
