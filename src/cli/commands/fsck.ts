/** `relearn fsck`: reads the whole store and holds it against its promises. */
import type { Command } from 'commander';
import { counted } from '../../base/counted.ts';
import type { CheckReport } from '../../records/reports.ts';
import { exitCodes } from '../failure.ts';
import type { Session } from '../session.ts';
import { formatForeign, formatName, formatQuarantined, formatUnread } from '../text.ts';

type Problem = CheckReport['problems'][number];

interface Cure {
  readonly invariant: string;
  /** Of the keys that it is for; all of the invariant where there is none. */
  readonly keys?: RegExp;
  readonly cure: string;
}

/** The first that fits holds. */
const cures: readonly Cure[] = [
  {
    invariant: 'I1',
    cure: 'Restore them from a backup; feedback that is gone can only be sent again.',
  },
  { invariant: 'I2', cure: 'Harmless for the models; tell the people who make relearn.' },
  { invariant: 'I3', cure: 'Restore the log from a backup. Its entries must never be deleted.' },
  {
    invariant: 'I4',
    keys: /^base\/.*\.tfrecord$/,
    cure: 'Restore them from a backup. Or remove what is left of them and import the same pictures again: relearn import takes in those that are lost, each in its part.',
  },
  {
    invariant: 'I4',
    keys: /^models\//,
    cure: 'Restore them from a backup. Until then, if it is the champion and there are other versions, go back to a whole one: relearn models promote V',
  },
  { invariant: 'I4', cure: 'Restore them from a backup; trainings need them.' },
  { invariant: 'I5', cure: 'They have no effect; tell the people who make relearn.' },
  { invariant: 'I9', cure: 'relearn gc removes them.' },
];

const cureFor = ({ invariant, key }: Problem): string =>
  cures.find((row) => row.invariant === invariant && (row.keys?.test(key) ?? true))?.cure ?? '';

/** One paragraph for each cure, so that a line holds one object and fits a narrow terminal. */
const describeProblems = (problems: readonly Problem[]): string => {
  const byCure = new Map<string, Problem[]>();
  for (const problem of problems) {
    const cure = cureFor(problem);
    byCure.set(cure, [...(byCure.get(cure) ?? []), problem]);
  }
  return [...byCure]
    .map(([cure, found]) =>
      [
        ...found.map(({ invariant, key, message }) => `${invariant} ${tellOf(key, message)}`),
        `   ${cure}`,
      ].join('\n'),
    )
    .join('\n\n');
};

/** Some messages begin with the key themselves. */
const tellOf = (key: string, message: string): string =>
  formatForeign(
    message.includes(key)
      ? message.replaceAll(key, () => formatName(key))
      : `${formatName(key)} ${message}`,
  );

const mostShown = 20;

/** Names that are no keys under `feedback/`. */
const describeForeign = ({ misnamed, folderMarkers }: CheckReport): readonly string[] => [
  ...(misnamed.length > 0
    ? [
        `${counted(misnamed.length, 'object')} under feedback/ can't be an item as they lie there; the next training takes in or sets aside those that are files:`,
        ...misnamed
          .slice(0, mostShown)
          .map(({ path, reason }) => `  ${formatName(path)}: ${reason}`),
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
        const found = report.ok
          ? 'The store keeps its promises.'
          : `${describeProblems(report.problems)}\n\n${counted(report.problems.length, 'problem')}.`;
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
