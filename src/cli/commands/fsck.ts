/** `relearn fsck`: reads the whole store and holds it against its promises. */
import type { Command } from 'commander';
import { exitCodes } from '../failure.ts';
import type { Session } from '../session.ts';
import { counted, formatQuarantined, formatTable } from '../text.ts';

const cures: Readonly<Record<string, string>> = {
  I1: 'Restore the object from a backup; feedback that is gone can only be sent again.',
  I2: 'Harmless for the models; tell the people who make relearn.',
  I3: 'Restore the log from a backup. Its entries must never be deleted.',
  I4: 'Restore the object from a backup, or go back with relearn models rollback.',
  I5: 'It has no effect; tell the people who make relearn.',
  I9: 'relearn gc removes it.',
};

export const define = (command: Command, session: Session): void => {
  command
    .addHelpText(
      'after',
      '\nIt reads every object and changes none. Exit code 1 where it finds a problem; what was set aside is counted and is none.\n\nExample:  relearn fsck --json\n',
    )
    .action(
      session.act(async (run) => {
        const report = await (await run.open()).check();
        const rows = report.problems.map(({ invariant, key, message }) => [
          invariant,
          key,
          message,
          cures[invariant] ?? '',
        ]);
        const text = report.ok
          ? 'The store keeps its promises.'
          : `${formatTable(rows)}\n${counted(rows.length, 'problem')}.`;
        const quarantined = formatQuarantined(report.quarantined);
        run.output.result(report, quarantined ? `${text}\n${quarantined}` : text);
        return report.ok ? exitCodes.done : exitCodes.failed;
      }),
    );
};
