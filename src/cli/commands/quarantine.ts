/** `relearn quarantine`: what was set aside and why; and back with it, once the cause is gone. */
import type { Command } from 'commander';
import { formatCount } from '../../base/counted.ts';
import { RelearnError } from '../../base/errors.ts';
import type { QuarantineReport, RetryReport } from '../../records/reports.ts';
import { exitCodes } from '../failure.ts';
import { asksForNoWord } from '../refuse-command.ts';
import type { Session } from '../session.ts';
import { formatForeign, formatReason, formatTable } from '../text.ts';

const describe = ({ items }: QuarantineReport): string =>
  items.length === 0
    ? 'Nothing is set aside.'
    : formatTable([
        ['key', 'when', 'failures', 'reason'],
        ...items.map(({ key, reason, at, failures }) => [
          formatForeign(key),
          at.slice(0, 16).replace('T', ' '),
          formatCount(failures),
          reason === null ? 'its note is missing' : formatReason(reason),
        ]),
      ]);

const describeRetry = ({ returned, failed }: RetryReport): string =>
  [
    ...failed.map(({ path, reason }) => `${formatForeign(path)} stays: ${reason}.`),
    `${formatCount(returned.length)} brought back${returned.length > 0 ? '; the next training looks at them again' : ''}.`,
  ].join('\n');

const examples =
  '\nExamples:  relearn quarantine\n           relearn quarantine retry feedback/cat/whiskers.jpg\n           relearn quarantine retry --all\n';

export const define = (command: Command, session: Session): void => {
  command.addHelpText('after', examples);
  asksForNoWord(command.command('list', { isDefault: true }))
    .description(
      'What was set aside: where it had lain, when, after how many failed trainings, and why.',
    )
    .addHelpText('after', '\nExample:  relearn quarantine list --json\n')
    .action(
      session.act(async (run) => {
        const report = await (await run.open()).quarantine.list();
        const cure = 'Once the cause is gone: relearn quarantine retry KEY, or --all';
        run.output.result(report, describe(report), report.items.length === 0 ? '' : cure);
        return undefined;
      }),
    );
  command
    .command('retry')
    .description('Brings feedback back for another try, its failures forgotten. Can be repeated.')
    .argument('[KEY...]', 'as listed, or its id with --json')
    .option('--all', 'everything that was set aside')
    .addHelpText('after', examples)
    .action(
      session.act(async (run, keys: string[], { all = false }: { readonly all?: boolean }) => {
        if (all === keys.length > 0) {
          throw new RelearnError('usage', 'what_to_retry', 'Name the keys, or say --all.', {
            hint: 'relearn quarantine lists them.',
          });
        }
        const report = await (await run.open()).quarantine.retry(all ? 'all' : keys);
        run.output.result(report, describeRetry(report));
        return report.failed.length > 0 ? exitCodes.failed : exitCodes.done;
      }),
    );
};
