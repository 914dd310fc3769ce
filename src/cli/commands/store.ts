/** `relearn store`: moves everything to another place. */
import type { Command } from 'commander';
import { formatCount } from '../../base/counted.ts';
import type { CopyReport } from '../../records/reports.ts';
import { exitCodes } from '../failure.ts';
import type { Session } from '../session.ts';
import { formatForeign, formatSeconds } from '../text.ts';

const example =
  "\nExample:  relearn store copy ./relearn-store 's3://bucket/prefix?region=eu-west-1'\n";

const summaryOf = ({ objects, copied, bytes, seconds }: CopyReport): string => {
  const there = objects - copied;
  const before = there === 0 ? '' : `, ${formatCount(there)} were there already`;
  return (
    `Copied ${formatCount(copied)} objects${before}, in ${formatSeconds(seconds)}; ` +
    `all ${formatCount(bytes)} bytes were read back and are the same.`
  );
};

const isWhole = ({ damaged, misnamed, leftOut }: CopyReport): boolean =>
  damaged.length + misnamed.length + leftOut.length === 0;

/** What stayed behind, and its cure; empty where nothing did. */
const describeLeft = (
  { damaged, misnamed, leftOut }: CopyReport,
  from: string,
  to: string,
): string =>
  [
    ...(damaged.length > 0
      ? [
          `Damaged or missing at ${from}, and not copied:`,
          ...damaged.map(({ message }) => `  ${message}`),
          'Put them back there from a backup and run the copy again. ' +
            `What the copy lacks without them, and other cures: relearn fsck --store '${to}'`,
        ]
      : []),
    ...(misnamed.length > 0
      ? [
          `Under names that are no keys at ${from}, and not copied:`,
          ...misnamed.map(({ path, reason }) => `  ${formatForeign(path)}: ${reason}`),
          'Train there, which takes them in or sets them aside, or copy them by hand.',
        ]
      : []),
    ...(leftOut.length > 0
      ? [
          `Under names that ${to} can't hold, and not copied:`,
          ...leftOut.map(
            ({ path, reason }) => `  ${formatForeign(path)}: ${formatForeign(reason)}`,
          ),
          `Give them other names at ${from} and run the copy again, or copy to a bucket.`,
        ]
      : []),
  ]
    .map((line) => `\n${line}`)
    .join('');

export const define = (command: Command, session: Session): void => {
  command.addHelpText('after', example);
  command
    .command('copy')
    .description(
      'Copies a store, compares every object, and goes on where it was when it is run again. Stop what trains and imports first. Damaged objects, feedback under names that are no keys, and what TO cannot hold under its name, are named and left out; the exit code is 1 then.',
    )
    .argument('<FROM>', 'the store to copy, which stays as it is')
    .argument('<TO>', 'an empty folder, bucket or prefix; a bucket is created where it is missing')
    .addHelpText('after', example)
    .action(
      session.act(async (run, from: string, to: string) => {
        const progress = run.output.progress('copy', 'objects');
        try {
          const report = await run.context.copyStore({
            from,
            to,
            clock: run.context.clock,
            env: run.context.env,
            signal: run.context.signal,
            onBucketCreated: (name) => run.output.note(`Created the bucket ${name}.`),
            onProgress: ({ objects }) => progress.update({ done: objects, total: null }),
          });
          progress.stop();
          run.output.result(
            report,
            `${summaryOf(report)}${describeLeft(report, from, to)}`,
            isWhole(report) ? `Next: relearn status --store '${to}'` : '',
          );
          return isWhole(report) ? exitCodes.done : exitCodes.failed;
        } finally {
          progress.stop();
        }
      }),
    );
};
