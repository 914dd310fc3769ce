/** `relearn dataset`: writes the training data for other trainers. */
import { type Command, Option } from 'commander';
import { RelearnError } from '../../base/errors.ts';
import type { Session } from '../session.ts';
import { formatCount } from '../text.ts';

type Format = 'tfrecord' | 'webdataset' | 'article';

export const define = (command: Command, session: Session): void => {
  command.addHelpText('after', '\nExample:  relearn dataset export shards/ --format tfrecord\n');
  command
    .command('export')
    .description(
      'Writes the pictures as TFRecord files; training, validation and holdout keep files of their own.',
    )
    .argument('<DIR>', 'an empty or new folder')
    .addOption(
      new Option(
        '--format <NAME>',
        "tfrecord: standard image/* features; article: the seed's float32 records",
      )
        .choices(['tfrecord', 'webdataset', 'article'])
        .default('tfrecord'),
    )
    .addHelpText('after', '\nExample:  relearn dataset export shards/ --format tfrecord\n')
    .action(
      session.act(async (run, directory: string, options: { readonly format: Format }) => {
        if (options.format === 'webdataset') {
          throw new RelearnError(
            'usage',
            'format_not_available',
            'Export as webdataset is not available in this build.',
            { hint: 'Use --format tfrecord or --format article.' },
          );
        }
        const relearn = await run.open();
        const report = await relearn.exportDataset(directory, {
          format: options.format,
          signal: run.context.signal,
        });
        run.output.result(
          report,
          `Wrote ${formatCount(report.examples)} examples in ${formatCount(report.files.length)} files to ${directory}.`,
        );
        return undefined;
      }),
    );
};
