/**
 * Time that passes only from one event to the next, and the processes that live in it. Whatever
 * happens is an event with a moment; between two events every promise that can go on goes on. So a
 * run depends on its seed alone, and years pass in milliseconds.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../src/base/clock.ts';
import type { Random } from '../../src/base/random.ts';

/** A process of the simulation: what it began goes on only while it lives, and not while it is paused. */
export interface VirtualProcess {
  readonly name: string;
  readonly clock: Clock;
  readonly newId: () => string;
  alive: boolean;
  /** Milliseconds of the world; nothing of this process happens before. */
  pausedUntil: number;
  /** Milliseconds that its wall clock is ahead of the world's. */
  offset: number;
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly process: VirtualProcess | undefined;
  readonly run: () => void;
}

export interface World {
  readonly random: Random;
  /** Milliseconds since the world began. */
  readonly now: number;
  /** Events so far. */
  readonly events: number;
  /** Something is to happen after this many milliseconds, to a process where one is named. */
  schedule(delay: number, run: () => void, process?: VirtualProcess): void;
  /** Adds a line to the trace. */
  note(line: string): void;
  spawn(name: string): VirtualProcess;
  kill(process: VirtualProcess): void;
  /** Lets events happen until this is true or there are none. @returns whether it became true */
  runUntil(isDone: () => boolean, mostEvents: number): Promise<boolean>;
  /** SHA-256 of the trace. */
  hash(): string;
}

/** What the storage's clock says when a world begins. */
export const worldBegin = Date.UTC(2026, 0, 1);

/**
 * Every promise that is able to go on does so before this resolves: Node empties their queue before
 * its next tick. A turn of the event loop would do the same for a third more time.
 */
const settled = () => new Promise<void>((resolve) => process.nextTick(resolve));

const isBefore = (a: Event, b: Event) => a.at < b.at || (a.at === b.at && a.order < b.order);

/** A binary heap, the next event first. */
const createQueue = () => {
  const heap: Event[] = [];
  const swap = (a: number, b: number) => {
    [heap[a], heap[b]] = [heap[b] as Event, heap[a] as Event];
  };
  const isLess = (a: number, b: number) => isBefore(heap[a] as Event, heap[b] as Event);
  return {
    push(event: Event) {
      let at = heap.push(event) - 1;
      while (at > 0 && isLess(at, (at - 1) >> 1)) {
        swap(at, (at - 1) >> 1);
        at = (at - 1) >> 1;
      }
    },
    pop(): Event | undefined {
      const first = heap[0];
      const last = heap.pop();
      if (!last || heap.length === 0) return first;
      heap[0] = last;
      for (let at = 0; ; ) {
        const [left, right] = [2 * at + 1, 2 * at + 2];
        let least = at;
        if (left < heap.length && isLess(left, least)) least = left;
        if (right < heap.length && isLess(right, least)) least = right;
        if (least === at) return first;
        swap(at, least);
        at = least;
      }
    },
  };
};

/** @param onLine told every line of the trace */
export const createWorld = (random: Random, onLine?: (line: string) => void): World => {
  const queue = createQueue();
  const trace = createHash('sha256');
  let now = 0;
  let events = 0;
  let order = 0;
  let ids = 0;

  const note = (line: string): void => {
    const stamped = `${now} ${line}\n`;
    trace.update(stamped);
    onLine?.(stamped);
  };

  const push = (at: number, run: () => void, process: VirtualProcess | undefined) =>
    queue.push({ at, order: ++order, process, run });

  const clockOf = (process: () => VirtualProcess): Clock => ({
    now: () => worldBegin + now + process().offset,
    // Of a clock that started with the machine, whenever that was.
    monotonic: () => now + 1_000_000,
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const onAbort = () => reject(signal?.reason);
        signal?.addEventListener('abort', onAbort, { once: true });
        const wake = () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        };
        push(now + milliseconds, wake, process());
      }),
  });

  return {
    random,
    get now() {
      return now;
    },
    get events() {
      return events;
    },
    schedule: (delay, run, process) => push(now + delay, run, process),
    note,
    spawn: (name) => {
      const process: VirtualProcess = {
        name,
        clock: clockOf(() => process),
        newId: () => (++ids).toString(36).padStart(12, '0'),
        alive: true,
        pausedUntil: 0,
        offset: 0,
      };
      return process;
    },
    kill: (process) => {
      process.alive = false;
      note(`${process.name} dies`);
    },
    runUntil: async (isDone, mostEvents) => {
      await settled();
      for (let left = mostEvents; left > 0 && !isDone(); ) {
        const event = queue.pop();
        if (!event) return isDone();
        const { process } = event;
        if (process && !process.alive) continue;
        now = Math.max(now, event.at);
        if (process && process.pausedUntil > now) {
          push(process.pausedUntil, event.run, process);
          continue;
        }
        left--;
        events++;
        event.run();
        await settled();
      }
      return isDone();
    },
    hash: () => trace.copy().digest('hex'),
  };
};
