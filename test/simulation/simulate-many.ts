/** Runs seeds one after the other and adds up what they met. */
import { type BugWithBound, plantedBugs } from './planted-bugs.ts';
import { simulate } from './simulate.ts';

export interface Share {
  readonly from: number;
  readonly seeds: number;
}

export interface Totals {
  readonly seeds: number;
  readonly events: number;
  readonly faults: Record<string, number>;
  readonly acts: Record<string, number>;
  readonly problems: { readonly seed: number; readonly problem: string }[];
}

export const emptyTotals = (): Totals => ({
  seeds: 0,
  events: 0,
  faults: {},
  acts: {},
  problems: [],
});

const addCounts = (into: Record<string, number>, more: Readonly<Record<string, number>>) => {
  for (const [name, count] of Object.entries(more)) into[name] = (into[name] ?? 0) + count;
};

export const addTotals = (left: Totals, right: Totals): Totals => {
  addCounts(left.faults, right.faults);
  addCounts(left.acts, right.acts);
  return {
    ...left,
    seeds: left.seeds + right.seeds,
    events: left.events + right.events,
    problems: [...left.problems, ...right.problems],
  };
};

export const simulateMany = async ({ from, seeds }: Share): Promise<Totals> => {
  let totals = emptyTotals();
  for (let seed = from; seed < from + seeds; seed++) {
    const { events, faults, acts, problem } = await simulate(seed);
    const problems = problem ? [{ seed, problem }] : [];
    totals = addTotals(totals, { seeds: 1, events, faults, acts, problems });
  }
  return totals;
};

export interface FoundBug {
  /** Which of the planted bugs. */
  readonly bug: number;
  /** How many seeds it took; null = not found within its bound. */
  readonly seeds: number | null;
  readonly problem: string | null;
}

export const findPlantedBug = async (index: number, from: number): Promise<FoundBug> => {
  const bug = plantedBugs[index] as BugWithBound;
  for (let tried = 1; tried <= bug.within; tried++) {
    const { problem } = await simulate(from + tried - 1, { bug });
    if (problem) return { bug: index, seeds: tried, problem };
  }
  return { bug: index, seeds: null, problem: null };
};
