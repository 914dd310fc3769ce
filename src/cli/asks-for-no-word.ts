/** For the command that is meant where none is named: a word there is a command that there is not. */
import type { Command } from 'commander';

export const asksForNoWord = (command: Command): Command =>
  command.allowExcessArguments().hook('preAction', ({ args: [word] }) => {
    if (word !== undefined)
      command.error(`error: unknown command '${word}'`, { code: 'commander.unknownCommand' });
  });
