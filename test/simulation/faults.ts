/**
 * What can happen to one call to the store, as a table. A call takes effect at one moment and is
 * answered at a later one; a fault moves, drops or falsifies one of the two, or hits the process that
 * called.
 */
import type { Random } from '../../src/base/random.ts';
import { leaseTimeToLive } from '../../src/registry/lease.ts';

export const callKinds = ['get', 'head', 'put', 'putIfAbsent', 'list', 'delete'] as const;
export type CallKind = (typeof callKinds)[number];

/** What becomes of the call's effect, of its answer and of its process. Times in milliseconds. */
export interface Fate {
  /** Before it takes effect; null = it never does. */
  readonly effectAfter: number | null;
  /** Before it is answered; null = it never is. */
  readonly answerAfter: number | null;
  /** The answer is an error: the storage said no, or nothing was heard. */
  readonly error?: 'refused' | 'unknown';
  /** The driver tried again by itself, so that a create meets its own first try. */
  readonly echo?: boolean;
  /** The process dies: before the call leaves, or once it took effect. */
  readonly crash?: 'before' | 'after';
  /** The process stands still for so long: before the call leaves, or once it took effect. */
  readonly pause?: { readonly when: 'before' | 'after'; readonly milliseconds: number };
  /** Its wall clock jumps by so much. */
  readonly clockJump?: number;
}

const between = (random: Random, low: number, high: number) => low + random.integer(high - low);

const normal = (random: Random): Fate => {
  const effectAfter = between(random, 1, 40);
  return { effectAfter, answerAfter: effectAfter + between(random, 1, 40) };
};

/** Longer than anybody waits for a sign of life. */
const longPause = (random: Random) => leaseTimeToLive + between(random, 1_000, 600_000);

const writes: readonly CallKind[] = ['put', 'putIfAbsent', 'delete'];

interface Fault {
  /** Default: all. */
  readonly calls?: readonly CallKind[];
  fate(random: Random): Fate;
}

export const faults = {
  'crash before': { fate: () => ({ effectAfter: null, answerAfter: null, crash: 'before' }) },
  'crash after': {
    fate: (random) => ({ ...normal(random), answerAfter: null, crash: 'after' }),
  },
  'error before': {
    fate: (random) => ({
      effectAfter: null,
      answerAfter: between(random, 1, 40),
      error: 'refused',
    }),
  },
  'timeout, nothing landed': {
    fate: (random) => ({
      effectAfter: null,
      answerAfter: between(random, 1_000, 20_000),
      error: 'unknown',
    }),
  },
  'timeout, landed': {
    calls: writes,
    fate: (random) => ({
      effectAfter: between(random, 1, 40),
      answerAfter: between(random, 1_000, 20_000),
      error: 'unknown',
    }),
  },
  'timeout, lands later': {
    calls: writes,
    fate: (random) => ({
      effectAfter: between(random, 20_000, 60_000),
      answerAfter: between(random, 1_000, 20_000),
      error: 'unknown',
    }),
  },
  'answer lost, tried again': {
    calls: ['putIfAbsent'],
    fate: (random) => ({ ...normal(random), echo: true }),
  },
  'slow before': {
    fate: (random) => {
      const effectAfter = between(random, 1_000, 29_000);
      return { effectAfter, answerAfter: effectAfter + 20 };
    },
  },
  'slow after': {
    fate: (random) => ({
      effectAfter: between(random, 1, 40),
      answerAfter: between(random, 1_000, 29_000),
    }),
  },
  'pause before': {
    fate: (random) => ({
      ...normal(random),
      pause: { when: 'before', milliseconds: longPause(random) },
    }),
  },
  'pause after': {
    fate: (random) => ({
      ...normal(random),
      pause: { when: 'after', milliseconds: longPause(random) },
    }),
  },
  'clock jumps': {
    fate: (random) => ({ ...normal(random), clockJump: between(random, -600_000, 600_001) }),
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof faults;
export const faultNames = Object.keys(faults) as FaultName[];

export const canHit = (name: FaultName, kind: CallKind): boolean => {
  const { calls }: Fault = faults[name];
  return !calls || calls.includes(kind);
};

const byKind = new Map(
  callKinds.map((kind) => [kind, faultNames.filter((name) => canHit(name, kind))]),
);

/** @param rate of calls that meet a fault, 0..1 */
export const drawFate = (
  random: Random,
  kind: CallKind,
  rate: number,
): { readonly fate: Fate; readonly fault?: FaultName } => {
  if (random.next() >= rate) return { fate: normal(random) };
  const possible = byKind.get(kind) ?? [];
  const fault = possible[random.integer(possible.length)];
  return fault ? { fate: (faults[fault] as Fault).fate(random), fault } : { fate: normal(random) };
};
