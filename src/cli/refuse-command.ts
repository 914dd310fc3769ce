/** A word where a command should stand: refused, with the command that was perhaps meant. */
import type { Command } from 'commander';
import { nearestWord } from './nearest-word.ts';

export const refuseCommand = (command: Command, word: string, known: readonly string[]): never => {
  const near = nearestWord(word, known);
  const question = near === undefined ? '' : `\n(Did you mean ${near}?)`;
  return command.error(`error: unknown command '${word}'${question}`, {
    code: 'commander.unknownCommand',
  });
};

/** For the command that is meant where none is named: a word there is a command that there is not. */
export const asksForNoWord = (command: Command): Command =>
  command.allowExcessArguments().hook('preAction', ({ args: [word] }) => {
    const known = command.parent?.commands.map((other) => other.name()) ?? [];
    if (word !== undefined) refuseCommand(command, word, known);
  });
