/** What would happen next in a store, and what its owner could do now, by its state. */

import { formatCount } from '../base/counted.ts';
import type { StatusReport, TrainingProgress } from '../records/reports.ts';
import { formatSeconds } from './text.ts';

export interface NextStep {
  /** What happens without anybody doing anything. */
  readonly happens?: string;
  /** What to do. */
  readonly advice?: string;
}

const mostNamed = 3;

/** `a`, `a and b`, `a, b and c`, `a, b, c and 297 others` */
const listOf = (names: readonly string[]): string => {
  const shown = names.slice(0, mostNamed);
  const more = names.length - shown.length;
  const parts = more > 0 ? [...shown, `${formatCount(more)} others`] : shown;
  const last = parts.at(-1) ?? '';
  return parts.length < 2 ? last : `${parts.slice(0, -1).join(', ')} and ${last}`;
};

const firstModel = ({ base }: StatusReport): NextStep => {
  if (base === null) return { advice: 'Next: relearn fsck, which names the damaged import.' };
  const counts = Object.entries(base);
  const without = counts.filter(([, count]) => count === 0).map(([label]) => label);
  if (without.length === counts.length)
    return { advice: 'Next: relearn import PICTURES, then relearn train.' };
  return {
    advice:
      without.length === 0
        ? 'Next: relearn train'
        : `Next: relearn import pictures of ${listOf(without)}, which have none yet; then relearn train.`,
  };
};

const moreFeedback = ({ pending, threshold }: StatusReport): NextStep => {
  const counts = Object.entries(pending);
  const missing = counts.filter(([, count]) => count < threshold);
  if (missing.length === 0)
    return {
      happens: 'Every label has enough: the next event starts a training.',
      advice: 'Without a server: relearn train',
    };
  const more = missing.map(
    ([label, count]) => `${formatCount(threshold - count)} more of ${label}`,
  );
  return {
    happens: `A training starts by itself after ${listOf(more)}.`,
    ...(counts.some(([, count]) => count > 0) ? { advice: 'At once: relearn train' } : {}),
  };
};

/** ` (round 3 of 14, 9 min 2 s left)` */
const howFar = ({ phase, round, rounds, secondsLeft }: TrainingProgress): string => {
  if (phase !== 'training') return ` (${phase})`;
  const parts = [
    rounds === null ? `round ${round}` : `round ${round} of ${rounds}`,
    ...(secondsLeft === null ? [] : [`${formatSeconds(secondsLeft)} left`]),
  ];
  return ` (${parts.join(', ')})`;
};

export const nextStep = (report: StatusReport): NextStep => {
  if (report.training) {
    const until = report.leaseUntil?.slice(11, 19);
    return {
      happens: `A training runs since ${report.training.since}${howFar(report.training)}${until ? `; it is taken as cut off at ${until} UTC unless its process shows by then that it lives` : ''}.`,
    };
  }
  if (report.resumable) {
    const { rounds, savedAt } = report.resumable;
    return {
      happens: `A training was interrupted after round ${formatCount(rounds)} (saved ${savedAt}): the next training that starts by itself goes on with it, and so does relearn train --resume.`,
    };
  }
  return report.champion === null ? firstModel(report) : moreFeedback(report);
};
