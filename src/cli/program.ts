/** The command line as a function: arguments in, exit code out. Starts no process, reads no global. */
import { Command, CommanderError } from 'commander';
import { storeForms } from '../storage/store-forms.ts';
import { commandTable } from './command-table.ts';
import type { CliContext } from './context.ts';
import { describeFailure, exitCodes } from './failure.ts';
import { refuseCommand } from './refuse-command.ts';
import { createSession, type Session } from './session.ts';

const describeStores = (): string =>
  storeForms.map(([form, meaning]) => `  ${form.padEnd(40)} ${meaning}`).join('\n');

/** @param onHelp told the help that is shown where a command is missing */
const buildProgram = (session: Session, onHelp: (text: string) => void): Command => {
  const { context } = session;
  const program = new Command('relearn')
    .description('Image classifiers that keep learning from their users after they are deployed.')
    .usage('COMMAND [options]')
    .version(context.version, '--version', 'print the version of the program')
    .helpOption('--help', 'show this help')
    .helpCommand('help [COMMAND]', 'show what a command takes')
    .option(
      '--store <URL>',
      'where everything is kept: a folder, s3://… or oss://… ($RELEARN_STORE, else ./relearn-store)',
    )
    .option('--json', 'print one JSON document on stdout and nothing else there')
    .option('--quiet', 'print the result only: no progress, and not what to do next')
    .addHelpText(
      'after',
      `\nStores:\n${describeStores()}\n` +
        '\nTo see it work:   relearn demo\nA first own one:  relearn init --labels cat,dog && relearn import pictures/ && relearn train\n',
    )
    .configureHelp({ showGlobalOptions: true, helpWidth: context.stdout.columns ?? 100 })
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      // Failures are reported once, by runProgram, in text or JSON.
      writeErr: onHelp,
    })
    .exitOverride()
    .hook('preSubcommand', async (_, command) => {
      const entry = commandTable[command.name()];
      if (entry) (await entry.load()).define(command, session);
    });
  for (const [name, { group, summary }] of Object.entries(commandTable)) {
    program
      .command(name)
      .helpGroup(`${group}:`)
      .summary(summary)
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`);
  }
  return program;
};

const wantsJson = (args: readonly string[]): boolean => {
  const end = args.indexOf('--');
  return args.slice(0, end < 0 ? args.length : end).includes('--json');
};

const reportFailure = (
  error: unknown,
  args: readonly string[],
  context: CliContext,
  help: string,
): number => {
  const { exitCode, code, message, hint } = describeFailure(error, context.signal.aborted);
  context.stderr.write(`relearn: ${message}\n`);
  if (hint !== null) context.stderr.write(`  ${hint}\n`);
  if (code === 'missing_command') context.stderr.write(`\n${help}`);
  if (context.env.RELEARN_DEBUG && error instanceof Error) {
    context.stderr.write(`${error.stack}\n`);
    if (error.cause !== undefined) context.stderr.write(`caused by: ${String(error.cause)}\n`);
  }
  if (wantsJson(args)) {
    context.stdout.write(`${JSON.stringify({ error: { code, message, hint } }, null, 2)}\n`);
  }
  return exitCode;
};

/** Help and --version end in an exception too, in commander's way; these are no failures. */
const isAnswered = (error: unknown): boolean =>
  error instanceof CommanderError && error.exitCode === 0;

/**
 * `help train` is `train --help`, which loads the command first. An unknown command is refused here:
 * with `--help` behind it commander would show the help of all commands, as if nothing were wrong.
 */
const readCommand = (program: Command, args: readonly string[]): readonly string[] => {
  const { operands } = program.parseOptions([...args]);
  const asksForHelp = operands[0] === 'help' && operands.length > 1;
  const command = asksForHelp ? operands.slice(1) : operands;
  const [name = 'help'] = command;
  if (name !== 'help' && !Object.hasOwn(commandTable, name))
    refuseCommand(program, name, Object.keys(commandTable));
  return asksForHelp ? [...command, '--help'] : args;
};

/** @param args what the user typed after the program's name */
export const runProgram = async (args: readonly string[], context: CliContext): Promise<number> => {
  const session = createSession(context);
  let help = '';
  try {
    const program = buildProgram(session, (text) => {
      help += text;
    });
    await program.parseAsync([...readCommand(program, args)], { from: 'user' });
    // A server that was asked to end by SIGTERM and did so has done its work.
    const interrupted = context.signal.aborted && context.signal.reason?.message === 'SIGINT';
    return interrupted ? exitCodes.interrupted : session.exitCode;
  } catch (error) {
    return isAnswered(error) ? exitCodes.done : reportFailure(error, args, context, help);
  }
};
