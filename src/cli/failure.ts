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

const systemHints: Readonly<Record<string, string>> = {
  ENOENT: 'Check the path.',
  EACCES: 'Check the permissions of this path.',
  ENOSPC: 'Make room on this disk and run the command again.',
  EADDRINUSE: 'Another program uses this port; choose another one with --port.',
};

const isAbort = (error: unknown): boolean =>
  error instanceof Error && (error.name === 'AbortError' || error.name === 'Interrupted');

const describeUsage = (error: CommanderError): Failure => ({
  exitCode: exitCodes.wrongUsage,
  code: usageCodes[error.code] ?? 'wrong_usage',
  message:
    error.code === 'commander.help'
      ? 'A command is missing.'
      : error.message.replace(/^error: /, ''),
  hint: 'Run the command with --help to see what it takes.',
});

export const describeFailure = (error: unknown, interrupted: boolean): Failure => {
  if (interrupted || isAbort(error)) {
    return {
      exitCode: exitCodes.interrupted,
      code: 'interrupted',
      message: 'Stopped.',
      hint: 'Nothing was lost; run the command again to go on.',
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
  const systemCode = error instanceof Error && 'code' in error ? String(error.code) : '';
  const systemHint = systemHints[systemCode];
  return {
    exitCode: exitCodes.failed,
    code: systemHint === undefined ? 'internal' : systemCode.toLowerCase(),
    message: error instanceof Error ? error.message : String(error),
    hint: systemHint ?? 'Set RELEARN_DEBUG=1 to see where this happened, and report it.',
  };
};
