/** `relearn import`: reads labelled pictures into the store. */
import { type Command, Option } from 'commander';
import { counted, formatCount } from '../../base/counted.ts';
import type { Conflict, ImportReport, Rejected } from '../../records/reports.ts';
import { exitCodes } from '../failure.ts';
import { idRange } from '../option-values.ts';
import type { Session } from '../session.ts';
import { formatForeign, formatReason, formatTable } from '../text.ts';

interface Options {
  readonly ids?: readonly [number, number];
  readonly role?: 'base' | 'feedback' | 'holdout';
}

const rejectedShown = 20;

/** The first rejected files with their reasons, and how many more there are. */
export const describeRejected = (rejected: readonly Rejected[]): string =>
  [
    ...rejected
      .slice(0, rejectedShown)
      .map(({ path, reason }) => `  ${formatForeign(path)}: ${formatReason(reason)}`),
    ...(rejected.length > rejectedShown
      ? [`  … and ${formatCount(rejected.length - rejectedShown)} more (--json lists all)`]
      : []),
  ].join('\n');

const conflictsShown = 10;

const frozen =
  'Pictures that judge models (validation, holdout) keep the label under which they came first; only a new store takes another.';
const correct =
  'If the new label is right, say so: relearn import --role feedback PATH. The next training learns the label that was given last.';

/** The pictures whose new label is dropped, and how it can be made to count. */
const describeConflicts = (conflicts: readonly Conflict[]): string => {
  if (conflicts.length === 0) return '';
  const isOne = conflicts.length === 1;
  const more = conflicts.length - conflictsShown;
  return [
    `${counted(conflicts.length, 'picture')} ${isOne ? 'is' : 'are'} known under another label, which stays:`,
    ...conflicts
      .slice(0, conflictsShown)
      .map(
        ({ path, label, knownAs, heldBack }) =>
          `  ${formatForeign(path)}: ${label} now, known as ${knownAs}${heldBack ? ' (judges models)' : ''}`,
      ),
    ...(more > 0 ? [`  … and ${formatCount(more)} more (--json lists all)`] : []),
    ...(conflicts.some(({ heldBack }) => !heldBack) ? [correct] : []),
    ...(conflicts.some(({ heldBack }) => heldBack) ? [frozen] : []),
  ].join('\n');
};

const describe = (report: ImportReport): string => {
  const table = formatTable([
    ['label', 'train', 'validation', 'holdout'],
    ...Object.entries(report.perLabel).map(([label, split]) => [
      label,
      formatCount(split.train),
      formatCount(split.validation),
      formatCount(split.holdout),
    ]),
  ]);
  const { duplicates } = report;
  const counts = `Imported ${counted(report.imported, 'new picture')}; ${formatCount(duplicates)} ${duplicates === 1 ? 'was' : 'were'} there already; ${formatCount(report.rejected.length)} rejected.`;
  return [counts, table, describeRejected(report.rejected), describeConflicts(report.conflicts)]
    .filter((part) => part !== '')
    .join('\n');
};

const isNothingUsed = ({ imported, duplicates, rejected }: ImportReport): boolean =>
  imported + duplicates === 0 && rejected.length > 0;

const nothingUsed =
  'relearn: Nothing was imported: every picture was rejected.\n' +
  '  The reasons stand in the result. relearn import --help shows how pictures are laid out.';

export const define = (command: Command, session: Session): void => {
  command
    .argument(
      '<PATH...>',
      'a folder of class folders, a folder or zip of label.N.jpg names, a folder of such zips, a CSV or JSONL of path and label, TFRecord files',
    )
    .option('--ids <A-B>', 'only these numbers in the names, both ends included', idRange)
    .addOption(
      new Option('--role <ROLE>', 'what the pictures are for (base)').choices([
        'base',
        'feedback',
        'holdout',
      ]),
    )
    .addHelpText(
      'after',
      '\nA folder that is called like a label says what its pictures show, whatever their names are; elsewhere the names do (label.N.jpg).\nExit code 1 where every picture is rejected; some are only listed.\nWhat relearn dataset export wrote from the same store is refused: the store has those pictures already.\n\nExamples:  relearn import pictures/   # pictures/cat/*.jpg, pictures/dog/*.jpg\n           relearn import train.zip --ids 0-4999\n',
    )
    .action(
      session.act(async (run, paths: string[], options: Options) => {
        const relearn = await run.open();
        const progress = run.output.progress('import', 'pictures');
        try {
          const report = await relearn.importPictures(paths, {
            ...options,
            signal: run.context.signal,
            onLine: (line) => run.output.note(formatForeign(line)),
            onProgress: (state) => progress.update(state),
          });
          progress.stop();
          run.output.result(report, describe(report));
          if (!isNothingUsed(report)) return exitCodes.done;
          run.output.warn(nothingUsed);
          return exitCodes.failed;
        } finally {
          progress.stop();
        }
      }),
    );
};
