/** What holds for every command alike: its help, and how it refuses what it does not know. */
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { commandTable } from './command-table.ts';
import type { CliContext } from './context.ts';
import { runProgram } from './program.ts';
import { createSession } from './session.ts';

const refuse = () => Promise.reject(new Error('nothing is opened'));

const run = async (args: readonly string[], columns?: number) => {
  let [stdout, stderr] = ['', ''];
  const context: CliContext = {
    stdout: { write: (text) => (stdout += text), ...(columns ? { columns } : {}) },
    stderr: { write: (text) => (stderr += text) },
    env: {},
    clock: { now: () => 0, monotonic: () => 0, sleep: async () => {} },
    signal: new AbortController().signal,
    version: '1.2.3',
    fetch: refuse,
    openRelearn: refuse,
    initStore: refuse,
    copyStore: refuse,
  };
  const code = await runProgram(args, context);
  return { code, stdout, stderr, context };
};

/** Each command and each below it, as it is typed. */
const commands: (readonly string[])[] = [];
for (const [name, { load }] of Object.entries(commandTable)) {
  const command = new Command(name);
  (await load()).define(command, createSession((await run(['--version'])).context));
  commands.push([name], ...command.commands.map((inner) => [name, inner.name()]));
}
/** What a shell makes of a line: quotes taken off, a comment left out. */
const asShellWords = (line: string): string[] =>
  [...line.replace(/ +#.*/, '').matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain ?? '',
  );

/** Reads a command line as the program does, and does nothing. @throws where it is wrong usage */
const parse = async ([name = '', ...args]: readonly string[]): Promise<void> => {
  const command = new Command(name).exitOverride().configureOutput({ writeErr: () => {} });
  for (const shared of ['--store <URL>', '--json', '--quiet']) command.option(shared);
  const session = createSession((await run(['--version'])).context);
  const module = await commandTable[name]?.load();
  if (module === undefined) throw new Error(`There is no command ${name}.`);
  module.define(command, { ...session, act: () => async () => {} });
  await command.parseAsync([...args], { from: 'user' });
};

const rows = commands.map((words) => [words.join(' '), words] as const);
const withCommandsBelow = [
  ...new Set(commands.filter(({ length }) => length > 1).map(([name = '']) => name)),
];

describe.each(rows)('relearn %s', (line, words) => {
  it('--help says what it does, shows the options of all commands and an example', async () => {
    const { code, stdout, stderr } = await run([...words, '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`Usage: relearn ${words[0]}`);
    for (const option of ['--help', '--store', '--json', '--quiet'])
      expect(stdout).toContain(option);
    expect(stdout).toMatch(new RegExp(`Examples?:[^]* relearn ${line}`));
  });

  it('every example in its help can be typed as it stands', async () => {
    const { stdout } = await run([...words, '--help']);
    const block = /Examples?:[\s\S]*?(?:\n\n|$)/.exec(stdout)?.[0] ?? '';
    const examples = [...block.matchAll(/^.*? relearn (.*)$/gm)].map(([, typed = '']) => typed);
    expect(examples).not.toEqual([]);
    for (const typed of examples) await parse(asShellWords(typed));
  });

  it('--help fits what it can on a narrow terminal, without colours', async () => {
    const { code, stdout } = await run([...words, '--help'], 40);
    expect(code).toBe(0);
    expect(stdout).not.toContain('\u001b');
  });

  it('refuses an option that it does not know, in a sentence and as JSON', async () => {
    const { code, stdout, stderr } = await run([...words, '--json', '--nonsense']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^relearn: [A-Z].*[.?)]\n {2}Run the command with --help/);
    expect(JSON.parse(stdout).error.code).toMatch(/^(unknown|missing)_option$/);
  });
});

const withoutDefault = withCommandsBelow.filter(
  (name) => name !== 'models' && name !== 'quarantine',
);

describe('where a command is missing', () => {
  it('those there are are listed on stderr, first steps first', async () => {
    const { code, stdout, stderr } = await run([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^relearn: A command is missing\.\n/);
    expect(stderr).toMatch(/First steps:\n +demo .*\n +init .*\n +import .*\n +train /);
    for (const [name, { summary }] of Object.entries(commandTable))
      expect(stderr).toMatch(new RegExp(`^ +${name} +${summary}$`, 'm'));
  });

  it.each(withoutDefault)('those below %s are', async (name) => {
    const { code, stdout, stderr } = await run([name]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    for (const [outer, inner] of commands.filter(([first]) => first === name))
      if (inner) expect(stderr).toMatch(new RegExp(`relearn ${outer}[^]*^ +${inner} `, 'm'));
  });
});

it.each([
  [['statsu'], 'status'],
  [['models', 'exprot'], 'export'],
  [['quarantine', 'retri'], 'retry'],
  [['store', 'coyp'], 'copy'],
])('%j is answered with the command that was meant', async (words, meant) => {
  const { code, stderr } = await run(words);
  expect(code).toBe(2);
  expect(stderr).toContain(`(Did you mean ${meant}?)`);
});

it.each(withCommandsBelow)('relearn %s refuses a command that there is not', async (name) => {
  const { code, stderr } = await run([name, 'nonsense']);
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /^relearn: Unknown command 'nonsense'\.\n {2}With --help in its place, the commands are listed\./,
  );
});
