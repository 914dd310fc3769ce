/** `relearn status`: what the store holds and what would happen next. */
import type { Command } from 'commander';
import { counted, formatCount } from '../../base/counted.ts';
import type { StatusReport } from '../../records/reports.ts';
import { verdictLines } from '../describe-training.ts';
import { nextStep } from '../next-step.ts';
import { openForReading } from '../open-for-reading.ts';
import type { Session } from '../session.ts';
import {
  formatAccuracy,
  formatBar,
  formatQuarantined,
  formatTable,
  formatUnread,
} from '../text.ts';

const describeBase = ({ base }: StatusReport): string => {
  const counts = Object.values(base ?? {}).filter((count) => count > 0);
  const total = counts.reduce((sum, count) => sum + count, 0);
  return total === 0
    ? ''
    : `Imported: ${counted(total, 'picture')} of ${counted(counts.length, 'label')}.`;
};

const describe = (report: StatusReport, location: string): string => {
  const base = describeBase(report);
  const { happens } = nextStep(report);
  const learnt = Object.values(report.learnt).reduce((sum, count) => sum + count, 0);
  const quarantined = formatQuarantined(report.quarantined);
  const unread = formatUnread(report.unread);
  const misnamed = Object.values(report.misnamed).reduce((sum, count) => sum + count, 0);
  return [
    `Store ${location}: ${report.champion === null ? 'no model yet' : `version ${report.champion} answers`}.`,
    ...(base ? [base] : []),
    ...(report.lastRun
      ? [
          `Last training: version ${report.lastRun.version}, ${formatAccuracy(report.lastRun.holdout)}, ${verdictLines[report.lastRun.gate.verdict]}.`,
        ]
      : []),
    ...(learnt > 0 ? [`Learnt from feedback so far: ${counted(learnt, 'answer')}.`] : []),
    'New feedback, and the folder for pictures put there by hand:',
    formatTable(
      Object.entries(report.pending).map(([label, count]) => [
        `  ${label}`,
        report.folders[label] ?? '',
        formatBar(count / report.threshold),
        `${formatCount(count)} of ${formatCount(report.threshold)}`,
      ]),
      3,
    ),
    ...(unread ? [unread] : []),
    ...(quarantined ? [quarantined] : []),
    ...(misnamed > 0
      ? [
          `${counted(misnamed, 'object')} under feedback/ can't be an item as ${misnamed === 1 ? 'it lies' : 'they lie'} there: relearn fsck`,
        ]
      : []),
    ...(happens ? [happens] : []),
  ].join('\n');
};

export const define = (command: Command, session: Session): void => {
  command.addHelpText('after', '\nExample:  relearn status --json\n').action(
    session.act(async (run) => {
      const relearn = await openForReading(run);
      const report = await relearn.status();
      run.output.result(report, describe(report, relearn.location), nextStep(report).advice);
      return undefined;
    }),
  );
};
