/**
 * Is the candidate better than the champion, and not by luck? Both answer the same holdout; only
 * the pictures on which they differ count. "Higher wins" would promote an equal model every second
 * time.
 */

import { findingInWords } from '../records/finding-in-words.ts';
import type { GateTable } from '../records/model-card.ts';
import type { GateFinding, GateReport, Verdict } from '../records/reports.ts';
import { mcnemarTest, picturesNeeded } from './mcnemar-test.ts';

export interface GateInput {
  /** Labels in class-index order. */
  readonly labels: readonly string[];
  /** Class index of each holdout picture. */
  readonly truth: ArrayLike<number>;
  /** Class index that the candidate predicts; −1 where its output is not finite. */
  readonly candidate: ArrayLike<number>;
  /** The same of the champion; null for a first model. */
  readonly champion: ArrayLike<number> | null;
  /** Significance level, default 0.05. */
  readonly alpha?: number;
}

export interface GateDecision {
  readonly report: GateReport;
  /** Null for a first model. */
  readonly table: GateTable | null;
}

/** A class may fall by this share, or by more where it could be luck. */
const classDrop = 0.02;
const classAlpha = 0.05;
/** A class with fewer holdout pictures than this may go unpredicted by chance. */
const enoughToBePredicted = 10;
/** Gain that `needed` assumes where none was seen. */
const smallestUsefulGain = 0.01;

const compare = (input: GateInput, champion: ArrayLike<number>): GateTable => {
  const rows = input.labels.map((label) => ({ label, n: 0, onlyCandidate: 0, onlyChampion: 0 }));
  for (let item = 0; item < input.truth.length; item++) {
    const truth = input.truth[item] ?? -1;
    const row = rows[truth];
    if (!row) throw new RangeError(`holdout picture ${item} has the unknown class ${truth}`);
    const candidateRight = input.candidate[item] === truth;
    const championRight = champion[item] === truth;
    row.n++;
    if (candidateRight && !championRight) row.onlyCandidate++;
    if (championRight && !candidateRight) row.onlyChampion++;
  }
  const sum = (of: (row: (typeof rows)[number]) => number) =>
    rows.reduce((total, row) => total + of(row), 0);
  const gainOf = (wins: number, losses: number, n: number) => (n === 0 ? 0 : (wins - losses) / n);
  const n = sum((row) => row.n);
  const onlyCandidate = sum((row) => row.onlyCandidate);
  const onlyChampion = sum((row) => row.onlyChampion);
  return {
    n,
    onlyCandidate,
    onlyChampion,
    gain: gainOf(onlyCandidate, onlyChampion, n),
    classes: rows.map((row) => ({
      ...row,
      gain: gainOf(row.onlyCandidate, row.onlyChampion, row.n),
      pWorse: mcnemarTest(row.onlyChampion, row.onlyCandidate),
    })),
  };
};

const predictedClasses = (answers: ArrayLike<number>): ReadonlySet<number> =>
  new Set(Array.from(answers));

/** Faults of the candidate alone. */
const nonFinite = ({ candidate }: GateInput): readonly GateFinding[] => {
  const broken = Array.from(candidate).filter((answer) => answer < 0).length;
  return broken === 0 ? [] : [{ code: 'non_finite', n: candidate.length, broken }];
};

/** Classes that the holdout has plenty of and the candidate never names. */
const neverPredicted = ({ labels, truth, candidate }: GateInput): readonly number[] => {
  const predicted = predictedClasses(candidate);
  const present = Array.from(truth);
  return labels.flatMap((_, index) =>
    !predicted.has(index) &&
    present.filter((answer) => answer === index).length >= enoughToBePredicted
      ? [index]
      : [],
  );
};

const collapsed = (input: GateInput, classes: readonly number[]): readonly GateFinding[] =>
  classes.map((index) => ({ code: 'collapsed', label: input.labels[index] ?? '' }));

const classRegressions = (table: GateTable): readonly GateFinding[] =>
  table.classes
    .filter(({ gain, pWorse }) => -gain > classDrop && pWorse < classAlpha)
    .map(({ label, gain, pWorse }) => ({
      code: 'class_regression',
      label,
      drop: -gain,
      pValue: pWorse,
    }));

const inBothForms = (findings: readonly GateFinding[]) => ({
  reasons: findings.map(findingInWords),
  findings,
});

const share = (answers: ArrayLike<number>, truth: ArrayLike<number>): number | null =>
  truth.length === 0
    ? null
    : Array.from(answers).filter((answer, item) => answer === truth[item]).length / truth.length;

const decideFirst = (input: GateInput): GateDecision => {
  const faults = nonFinite(input);
  // Without a champion nothing answers, so a weak first model is better than none; say so.
  const notes = collapsed(input, neverPredicted(input));
  return {
    report: {
      verdict: faults.length > 0 ? 'reject' : 'first',
      championAccuracy: null,
      pValue: null,
      needed: null,
      ...inBothForms([...faults, ...notes]),
    },
    table: null,
  };
};

const decideAgainst = (input: GateInput, champion: ArrayLike<number>): GateDecision => {
  const { alpha = 0.05 } = input;
  const table = compare(input, champion);
  const { n, onlyCandidate, onlyChampion, gain } = table;
  const pValue = mcnemarTest(onlyCandidate, onlyChampion);
  const pWorse = mcnemarTest(onlyChampion, onlyCandidate);
  const known = predictedClasses(champion);
  const faults: readonly GateFinding[] = [
    ...nonFinite(input),
    ...collapsed(
      input,
      neverPredicted(input).filter((index) => known.has(index)),
    ),
    ...classRegressions(table),
    ...(pWorse <= alpha ? [{ code: 'worse', n, drop: -gain, pValue: pWorse } as const] : []),
  ];
  const seen = { n, onlyCandidate, onlyChampion };
  const report = (
    verdict: Verdict,
    needed: number | null,
    findings: readonly GateFinding[],
  ): GateDecision => ({
    report: {
      verdict,
      championAccuracy: share(champion, input.truth),
      pValue,
      needed,
      ...inBothForms(findings),
    },
    table,
  });

  if (faults.length > 0) return report('reject', null, faults);
  if (pValue <= alpha && gain > 0) return report('promote', null, [{ code: 'better', ...seen }]);
  if (n === 0) return report('not-enough-evidence', null, [{ code: 'empty_holdout' }]);
  const assumed = gain > 0 ? gain : smallestUsefulGain;
  const disagreement = Math.max((onlyCandidate + onlyChampion) / n, assumed);
  const needed = Math.max(n + 1, picturesNeeded(assumed, disagreement));
  return report('not-enough-evidence', needed, [{ code: 'not_enough_evidence', ...seen }]);
};

/**
 * Verdicts: `first` where there is no champion; `reject` where the candidate is broken, worse, or
 * worse on one class; `promote` where it is better; else `not-enough-evidence`, with the number of
 * holdout pictures that would decide.
 */
export const decidePromotion = (input: GateInput): GateDecision =>
  input.champion === null ? decideFirst(input) : decideAgainst(input, input.champion);
