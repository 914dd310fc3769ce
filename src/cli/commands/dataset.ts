/** `relearn dataset`: writes the training data for other trainers. */
import { type Command, Option } from 'commander';
import { formatCount } from '../../base/counted.ts';
import { type DatasetFormat, datasetFormats } from '../../records/dataset-manifest.ts';
import { wholeNumber } from '../option-values.ts';
import type { Session } from '../session.ts';

interface Options {
  readonly format: DatasetFormat;
  readonly shardSize?: number;
  readonly withHoldout?: boolean;
}

const example = '\nExample:  relearn dataset export shards/ --format webdataset\n';

export const define = (command: Command, session: Session): void => {
  command.addHelpText('after', example);
  command
    .command('export')
    .description(
      'Writes the training and validation pictures as shards with a manifest; goes on where it was stopped.',
    )
    .argument('<DIR>', 'an empty or new folder')
    .addOption(
      new Option(
        '--format <NAME>',
        "tfrecord: standard image/* features; webdataset: tar files; article: the seed's float32 records",
      )
        .choices(datasetFormats)
        .default('tfrecord'),
    )
    .option(
      '--shard-size <N>',
      'pictures in a file (1000; article: all of a part in one)',
      wholeNumber(1),
    )
    .option('--with-holdout', 'also the pictures that judge models: never train on them')
    .addHelpText('after', example)
    .action(
      session.act(async (run, directory: string, options: Options) => {
        const relearn = await run.open();
        const report = await relearn.exportDataset(directory, {
          ...options,
          signal: run.context.signal,
        });
        run.output.result(
          report,
          `Wrote ${formatCount(report.examples)} pictures in ${formatCount(report.files.length - 1)} shards and their manifest to ${directory}.`,
        );
        return undefined;
      }),
    );
};
