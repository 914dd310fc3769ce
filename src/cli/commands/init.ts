/** `relearn init`: creates a store and decides its settings once. */
import type { Command } from 'commander';
import { counted } from '../../base/counted.ts';
import { type NetworkOptions, networkOptions } from '../network-options.ts';
import { aliasMap, nameList, normalizationOf, share, wholeNumber } from '../option-values.ts';
import type { Session } from '../session.ts';
import { showDownload } from '../show-download.ts';
import { formatPercent } from '../text.ts';

interface Options extends NetworkOptions {
  readonly labels: readonly string[];
  readonly alias?: Readonly<Record<string, string>>;
  readonly architecture?: string;
  readonly imageSize?: number;
  readonly threshold?: number;
  readonly holdout?: number;
  readonly validation?: number;
}

export const define = (command: Command, session: Session): void => {
  command
    .requiredOption('--labels <NAMES>', 'the classes, separated by commas', nameList)
    .option('--alias <PAIRS>', 'other names that people send, as in cats=cat', aliasMap)
    .option(
      '--architecture <NAME>',
      'compact (default), article, FILE.onnx or hf:OWNER/NAME/FILE.onnx',
    );
  networkOptions(command)
    .option(
      '--image-size <N>',
      'side of the square pictures that it trains on, in pixels',
      wholeNumber(16),
    )
    .option(
      '--threshold <N>',
      'new feedback that every label needs before a training starts by itself (1000)',
      wholeNumber(1),
    )
    .option('--holdout <SHARE>', 'share of imports kept apart to judge versions (0.15)', share)
    .option('--validation <SHARE>', 'share of imports that decides when to stop (0.05)', share)
    .addHelpText('after', '\nExample:  relearn init --labels cat,dog --threshold 200\n')
    .action(
      session.act(async (run, options: Options) => {
        const { alias, mean, std, ...settings } = options;
        const download = showDownload(run.output);
        const report = await run.context
          .initStore({
            ...settings,
            ...normalizationOf(mean, std),
            ...(alias === undefined ? {} : { aliases: alias }),
            store: run.store,
            env: run.context.env,
            signal: run.context.signal,
            onBucketCreated: (name) => run.output.note(`Created the bucket ${name}.`),
            onDownload: download.update,
            onLine: run.output.note,
          })
          .finally(download.stop);
        run.output.result(
          report,
          [
            `Created ${run.store} for ${report.labels.join(', ')}.`,
            `Architecture ${report.architecture}, trained on ${report.imageSize} × ${report.imageSize} pixels; ` +
              `${formatPercent(report.holdout)} of imports are kept apart to judge versions.`,
            ...(report.blocks
              ? [
                  report.blocks === 1
                    ? 'A new head learns on it; relearn train --fine-tune 1 lets its one block learn too.'
                    : `A new head learns on it; relearn train --fine-tune N lets the last N of its ${counted(report.blocks, 'block')} learn too.`,
                ]
              : []),
            `Feedback starts a training once every label has ${counted(report.threshold, 'new picture')}.`,
          ].join('\n'),
          'Next: relearn import PATH',
        );
        return undefined;
      }),
    );
};
