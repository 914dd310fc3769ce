/** `relearn status`: what the store holds and what would happen next. */
import type { Command } from 'commander';
import type { StatusReport } from '../../records/reports.ts';
import type { Session } from '../session.ts';
import {
  counted,
  formatAccuracy,
  formatBar,
  formatCount,
  formatQuarantined,
  formatTable,
} from '../text.ts';

const nextStep = (report: StatusReport): string => {
  if (report.training) return `A training runs since ${report.training.since}.`;
  if (report.resumable) {
    const { rounds, savedAt } = report.resumable;
    return `A training was interrupted after round ${formatCount(rounds)} (saved ${savedAt}): relearn train --resume goes on with it.`;
  }
  if (report.champion === null)
    return 'Next: relearn import PICTURES, if not done yet, then relearn train.';
  const missing = Object.entries(report.pending).filter(([, count]) => count < report.threshold);
  return missing.length === 0
    ? 'Every label has enough: the next event starts a training.'
    : `A training starts by itself after ${missing
        .map(([label, count]) => `${formatCount(report.threshold - count)} more of ${label}`)
        .join(' and ')}.`;
};

const describe = (report: StatusReport, location: string): string => {
  const quarantined = formatQuarantined(report.quarantined);
  const misnamed = Object.values(report.misnamed).reduce((sum, count) => sum + count, 0);
  return [
    `Store ${location}: ${report.champion === null ? 'no model yet' : `version ${report.champion} answers`}.`,
    ...(report.lastRun
      ? [
          `Last training: version ${report.lastRun.version}, ${formatAccuracy(report.lastRun.holdout)}, ${report.lastRun.gate.verdict}.`,
        ]
      : []),
    'New feedback:',
    formatTable(
      Object.entries(report.pending).map(([label, count]) => [
        `  ${label}`,
        formatBar(count / report.threshold),
        `${formatCount(count)} of ${formatCount(report.threshold)}`,
      ]),
    ),
    ...(quarantined ? [quarantined] : []),
    ...(misnamed > 0
      ? [`${counted(misnamed, 'object')} under feedback/ can't be an item as named: relearn fsck`]
      : []),
    nextStep(report),
  ].join('\n');
};

export const define = (command: Command, session: Session): void => {
  command.addHelpText('after', '\nExample:  relearn status --json\n').action(
    session.act(async (run) => {
      const relearn = await run.open();
      const report = await relearn.status();
      run.output.result(report, describe(report, relearn.location));
      return undefined;
    }),
  );
};
