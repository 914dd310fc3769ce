/** A finding of the gate in English, behind its code. */
import type { GateFinding } from './reports.ts';

const points = (share: number): string => `${(share * 100).toFixed(1)} points`;

const words = (finding: GateFinding): string => {
  switch (finding.code) {
    case 'better':
    case 'not_enough_evidence':
      return `only the candidate is right on ${finding.onlyCandidate} of ${finding.n} holdout pictures, only the champion on ${finding.onlyChampion}`;
    case 'worse':
      return `by ${points(finding.drop)} on ${finding.n} holdout pictures (p = ${finding.pValue.toPrecision(2)})`;
    case 'class_regression':
      return `${finding.label} fell by ${points(finding.drop)} (p = ${finding.pValue.toPrecision(2)})`;
    case 'collapsed':
      return `the candidate never predicts ${finding.label}`;
    case 'non_finite':
      return `the output for ${finding.broken} of ${finding.n} pictures is not a number`;
    case 'empty_holdout':
      return 'nothing to compare on';
    case 'champion_changed':
      return `version ${finding.version} became champion during the training`;
  }
};

export const findingInWords = (finding: GateFinding): string =>
  `${finding.code}: ${words(finding)}`;
