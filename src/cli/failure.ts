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

interface SystemFailure {
  readonly code: string;
  /** What is said of the path. */
  readonly says: string;
  readonly hint: string;
}

const denied: SystemFailure = {
  code: 'permission_denied',
  says: 'may not be read or written.',
  hint: 'Check the permissions of this path and of the folders above it.',
};
const full: SystemFailure = {
  code: 'disk_full',
  says: 'does not fit on the disk.',
  hint: 'Make room on this disk, or raise the quota, and run the command again.',
};

/** Failures of the operating system, in this program's words: what happened, and the cure. */
const systemFailures: Readonly<Record<string, SystemFailure>> = {
  ENOENT: { code: 'path_not_found', says: 'does not exist.', hint: 'Check the path.' },
  EEXIST: {
    code: 'path_exists',
    says: 'exists already.',
    hint: 'Choose another name; nothing is written over.',
  },
  EISDIR: { code: 'not_a_file', says: 'is a folder.', hint: 'Name a file.' },
  ENOTDIR: {
    code: 'not_a_folder',
    says: 'needs a folder where a file stands.',
    hint: 'Check the path.',
  },
  EACCES: denied,
  EPERM: denied,
  EROFS: {
    code: 'read_only',
    says: 'lies where nothing can be written.',
    hint: 'Choose another place, or mount this one for writing.',
  },
  ENOSPC: full,
  EDQUOT: full,
  ENAMETOOLONG: {
    code: 'name_too_long',
    says: 'is longer than a name can be.',
    hint: 'Shorten it.',
  },
  EMFILE: {
    code: 'too_many_files',
    says: 'could not be opened: too many files are open.',
    hint: 'Raise the limit: ulimit -n 4096',
  },
};

const describeSystemFailure = (error: NodeJS.ErrnoException): Failure | undefined => {
  const errno = error.code ?? '';
  const known = Object.hasOwn(systemFailures, errno) ? systemFailures[errno] : undefined;
  if (known === undefined) return undefined;
  const { code, says, hint } = known;
  const message = `${error.path ?? 'A path that was named'} ${says}`;
  return { exitCode: exitCodes.failed, code, message, hint };
};

const isAbort = (error: unknown): boolean =>
  error instanceof Error && (error.name === 'AbortError' || error.name === 'Interrupted');

/** commander's words as a sentence: `error: unknown option '--x'` becomes `Unknown option '--x'.` */
const asSentence = (message: string): string => {
  const [first = '', ...more] = message.replace(/^error: /, '').split('\n');
  const sentence = `${first[0]?.toUpperCase() ?? ''}${first.slice(1)}`;
  return [/[.?!]$/.test(sentence) ? sentence : `${sentence}.`, ...more].join(' ');
};

const usageHints: Readonly<Record<string, string>> = {
  'commander.help': 'Name one of them; with --help behind it, it shows what it takes.',
  'commander.unknownCommand': 'With --help in its place, the commands are listed.',
};

const describeUsage = (error: CommanderError): Failure => {
  const isMissing = error.code === 'commander.help';
  return {
    exitCode: exitCodes.wrongUsage,
    code: usageCodes[error.code] ?? 'wrong_usage',
    message: isMissing ? 'A command is missing.' : asSentence(error.message),
    hint: usageHints[error.code] ?? 'Run the command with --help to see what it takes.',
  };
};

export const describeFailure = (error: unknown, interrupted: boolean): Failure => {
  if (interrupted || isAbort(error)) {
    return {
      exitCode: exitCodes.interrupted,
      code: 'interrupted',
      message: 'Stopped.',
      hint: 'Nothing was lost. A training that has saved a checkpoint goes on with relearn train --resume, and without it begins anew; other commands go on when they are run again.',
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
