/** `relearn gc`: removes what nothing refers to. */
import type { Command } from 'commander';
import { formatCount } from '../../base/counted.ts';
import { wholeNumber } from '../option-values.ts';
import type { Session } from '../session.ts';

interface Options {
  readonly dryRun?: boolean;
  readonly olderThan: number;
}

export const define = (command: Command, session: Session): void => {
  command
    .option('--dry-run', 'say what would go, and remove nothing')
    .option('--older-than <DAYS>', 'how old an object must be to go', wholeNumber(1), 7)
    .addHelpText(
      'after',
      '\nWhat it removes: leftovers of trainings and imports that ended early, feedback that lies in the archive too or came back from quarantine, pictures of predictions after a day. Never the log.\n\nExample:  relearn gc --dry-run\n',
    )
    .action(
      session.act(async (run, { dryRun = false, olderThan }: Options) => {
        const relearn = await run.open();
        const progress = run.output.progress(dryRun ? 'look' : 'remove', 'objects');
        const { removed, bytes, keys } = await relearn
          .collectGarbage({
            olderThan,
            dryRun,
            signal: run.context.signal,
            onProgress: (at) => progress.update(at),
          })
          .finally(() => progress.stop());
        const list = dryRun ? keys.map((key) => `${key}\n`).join('') : '';
        const verb = dryRun ? 'would go' : 'removed';
        run.output.result(
          { removed, bytes, ...(dryRun ? { keys } : {}) },
          `${list}${formatCount(removed)} objects, ${formatCount(bytes)} bytes ${verb}.`,
        );
        return undefined;
      }),
    );
};
