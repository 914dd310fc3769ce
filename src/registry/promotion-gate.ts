/** Is the candidate better than the champion, and not by luck? */
import type { GateTable } from '../records/model-card.ts';
import type { GateReport } from '../records/reports.ts';

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

export declare const decidePromotion: (input: GateInput) => GateDecision;
