/** `relearn fsck`: reads the whole store and holds it against its promises. */
import type { Command } from 'commander';
import type { CheckReport } from '../../records/reports.ts';
import { exitCodes } from '../failure.ts';
import type { Session } from '../session.ts';
import { counted, formatForeign, formatQuarantined, formatTable, formatUnread } from '../text.ts';

const cures: Readonly<Record<string, string>> = {
  I1: 'Restore the object from a backup; feedback that is gone can only be sent again.',
  I2: 'Harmless for the models; tell the people who make relearn.',
  I3: 'Restore the log from a backup. Its entries must never be deleted.',
  I4: 'Restore the object from a backup, or go back with relearn models rollback.',
  I5: 'It has no effect; tell the people who make relearn.',
  I9: 'relearn gc removes it.',
};

const mostShown = 20;

/** Names that are no keys under `feedback/`. */
const describeForeign = ({ misnamed, folderMarkers }: CheckReport): readonly string[] => [
  ...(misnamed.length > 0
    ? [
        `${counted(misnamed.length, 'object')} under feedback/ can't be an item as they lie there; the next training takes in or sets aside what can be read:`,
        ...misnamed
          .slice(0, mostShown)
          .map(({ path, reason }) => `  ${formatForeign(path)}: ${reason}`),
        ...(misnamed.length > mostShown ? ['  … (all with --json)'] : []),
      ]
    : []),
  ...(folderMarkers > 0
    ? [
        folderMarkers === 1
          ? '1 folder marker is passed over.'
          : `${counted(folderMarkers, 'folder marker')} are passed over.`,
      ]
    : []),
];

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
        const found = report.ok
          ? 'The store keeps its promises.'
          : `${formatTable(rows)}\n${counted(rows.length, 'problem')}.`;
        const text = [
          found,
          formatQuarantined(report.quarantined),
          formatUnread(report.unread),
          ...describeForeign(report),
        ];
        run.output.result(report, text.filter((line) => line !== '').join('\n'));
        return report.ok ? exitCodes.done : exitCodes.failed;
      }),
    );
};
