/** `relearn evaluate`: measures a version on the frozen holdout or on labelled pictures. */
import type { Command } from 'commander';
import { formatCount } from '../../base/counted.ts';
import type { EvaluationReport } from '../../records/reports.ts';
import { wholeNumber } from '../option-values.ts';
import type { Session } from '../session.ts';
import { formatAccuracy, formatConfusionMatrix, formatPercent, formatPerLabel } from '../text.ts';
import { describeRejected } from './import.ts';

const describe = (report: EvaluationReport): string =>
  [
    `Version ${report.version}: ${formatAccuracy(report)}`,
    `Top-2 accuracy ${formatPercent(report.top2Accuracy)}, calibration error ${formatPercent(report.calibrationError)} (${formatPercent(report.calibration.errorBefore)} before dividing the logits by ${report.calibration.temperature.toFixed(2)})`,
    '',
    formatPerLabel(report.perLabel),
    '',
    formatConfusionMatrix(report.confusionMatrix),
    ...(report.rejected.length > 0
      ? [`${formatCount(report.rejected.length)} rejected:`, describeRejected(report.rejected)]
      : []),
  ].join('\n');

export const define = (command: Command, session: Session): void => {
  command
    .argument('[PATH...]', 'labelled pictures, laid out as for import (the frozen holdout)')
    .option('--model <V>', 'the version to measure (the champion)', wholeNumber(1))
    .addHelpText('after', '\nExample:  relearn evaluate new-pictures/ --model 2\n')
    .action(
      session.act(async (run, paths: string[], options: { readonly model?: number }) => {
        const relearn = await run.open();
        const report = await relearn.evaluate({
          signal: run.context.signal,
          ...(paths.length > 0 ? { paths } : {}),
          ...(options.model === undefined ? {} : { version: options.model }),
        });
        run.output.result(report, describe(report));
        return undefined;
      }),
    );
};
