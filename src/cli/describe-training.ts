/** What came of a training, as people read it. */

import { counted, formatCount } from '../base/counted.ts';
import type { GateReport, TrainReport, TransferReport } from '../records/reports.ts';
import {
  formatAccuracy,
  formatConfusionMatrix,
  formatPercent,
  formatPerLabel,
  formatPValue,
  formatSeconds,
} from './text.ts';

export const verdictLines: Readonly<Record<GateReport['verdict'], string>> = {
  first: 'promoted: the first model of this store',
  promote: 'promoted: better than the champion on the same holdout',
  reject: 'not promoted: the champion stays',
  'not-enough-evidence': 'not promoted: not enough evidence that it is better, the champion stays',
};

/** How large a holdout would have to be; of no gain at all, the smallest that is worth a promotion. */
const describeNeeded = ({ championAccuracy, needed }: GateReport, accuracy: number): string => {
  if (needed === null) return '';
  const isBetter = championAccuracy === null || accuracy > championAccuracy;
  const gain = isBetter ? 'would decide at this gain' : 'would tell a gain of one point from luck';
  return `. About ${formatCount(needed)} holdout pictures ${gain}`;
};

/** @param accuracy of the candidate, on the holdout */
export const describeGate = (gate: GateReport, accuracy: number): string =>
  [
    `Gate: ${verdictLines[gate.verdict]}`,
    gate.championAccuracy === null ? '' : ` (champion ${formatPercent(gate.championAccuracy)}`,
    gate.championAccuracy === null
      ? ''
      : `${gate.pValue === null ? '' : `, ${formatPValue(gate.pValue)}`})`,
    describeNeeded(gate, accuracy),
    // A reason begins with its code, for programs.
    ...gate.reasons.map((reason) => `\n  ${reason.replace(/^[a-z_]+: /, '')}`),
  ].join('');

const describeStart = ({ parent, start, race, transfer }: TrainReport): string => {
  if (parent === null) return transfer ? 'a new head' : 'from scratch';
  if (!race) return `from version ${parent}`;
  const loss = (value: number | null) => value?.toFixed(3) ?? 'diverged';
  const [own, other] =
    start === 'scratch'
      ? [
          `from scratch, in the lineage of version ${parent}`,
          `${loss(race.scratchLoss)} against ${loss(race.championLoss)}`,
        ]
      : [`from version ${parent}`, `${loss(race.championLoss)} against ${loss(race.scratchLoss)}`];
  return `${own}, validation loss after ${counted(race.rounds, 'round')} ${other}`;
};

/** How a training ended, behind "its rounds and steps, …". */
const endings: Readonly<Record<TrainReport['stoppedBecause'], string>> = {
  patience: 'ended as it got no better',
  rounds: 'ended with its last round',
  'target-accuracy': 'ended at the accuracy asked for',
  minutes: 'ended as its time was up',
  'schedule-finished': 'to the end of its schedule',
  submitted: 'trained elsewhere',
};

/** What became of the imported network, in one sentence. */
export const describeTransfer = ({
  blocks,
  tuned,
  kept,
  headLoss,
  tunedLoss,
  mirror,
}: TransferReport): string => {
  const mirrored = mirror ? ' Looks at mirror images too.' : '';
  const all = counted(blocks, 'block');
  if (tuned === 0)
    return `A new head on a network of ${all}, none of which learnt here.${mirrored}`;
  const which = `the last ${formatCount(tuned)} of ${all}`;
  if (headLoss === null || tunedLoss === null)
    return `The head alone is kept: without validation pictures nobody can tell whether ${which} should learn.${mirrored}`;
  const losses = [headLoss, tunedLoss].map((loss) => loss.toFixed(4));
  return kept
    ? `Fine-tuned: ${which} learnt too, validation loss ${losses[1]} instead of ${losses[0]} with the head alone.${mirrored}`
    : `The head alone is kept: fine-tuning ${which} took the validation loss from ${losses[0]} to ${losses[1]}.${mirrored}`;
};

/** From here on an interval is narrow enough to speak for itself: some ten points at most. */
const enoughToJudge = 100;

const mostNamed = 5;

/** What a small holdout cannot tell. */
export const describeHoldoutGaps = ({
  n,
  perLabel,
}: Pick<TrainReport['holdout'], 'n' | 'perLabel'>): readonly string[] => {
  const cure = 'relearn import --role holdout PATH adds pictures that only judge.';
  if (n === 0) return [`There is no holdout to judge by: ${cure}`];
  const unjudged = Object.keys(perLabel).filter((label) => perLabel[label]?.n === 0);
  const more = unjudged.length - mostNamed;
  const named = `${unjudged.slice(0, mostNamed).join(', ')}${more > 0 ? ` and ${formatCount(more)} more` : ''}`;
  if (unjudged.length > 0)
    return [
      `No holdout picture shows ${named}: how often that is told right is not known. ${cure}`,
    ];
  return n < enoughToJudge ? [`So few holdout pictures judge roughly: ${cure}`] : [];
};

/** Whether always giving the most frequent answer could be as often right, and what helps then. */
export const describeGuessing = ({
  n,
  interval,
  perLabel,
}: Pick<TrainReport['holdout'], 'n' | 'interval' | 'perLabel'>): readonly string[] => {
  const [label, largest] = Object.entries(perLabel)
    .map(([name, row]) => [name, row.n] as const)
    .reduce((most, next) => (next[1] > most[1] ? next : most), ['', 0]);
  const share = largest / n;
  // Of one class alone nothing can be guessed: the gaps of the holdout tell of that.
  if (n === 0 || largest === n || interval[0] > share) return [];
  return [
    `That is no better than guessing, as far as ${counted(n, 'picture')} can tell: who always says ${label} is right about ${formatPercent(share)}. Import more pictures of every label, start from a pretrained network (--architecture FILE.onnx), or train longer (--rounds).`,
  ];
};

/** What became of a candidate: its figures on the holdout and the gate's word. */
export const describeOutcome = ({ holdout, gate }: Pick<TrainReport, 'holdout' | 'gate'>): string =>
  [
    `Holdout: ${formatAccuracy(holdout)}`,
    '',
    formatPerLabel(holdout.perLabel),
    '',
    formatConfusionMatrix(holdout.confusionMatrix),
    '',
    ...describeGuessing(holdout),
    ...describeHoldoutGaps(holdout),
    describeGate(gate, holdout.accuracy),
  ].join('\n');

export const describeTraining = (report: TrainReport): string =>
  [
    `Version ${report.version} (${describeStart(report)}), ${report.architecture}: ` +
      `${counted(report.rounds, 'round')}, ${counted(report.steps, 'step')}, ${endings[report.stoppedBecause]}, ` +
      `${formatSeconds(report.seconds)}, ${formatCount(report.imagesPerSecond)} pictures a second.`,
    ...(report.transfer ? [describeTransfer(report.transfer)] : []),
    describeOutcome(report),
  ].join('\n');
