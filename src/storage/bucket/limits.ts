/**
 * How long a bucket may keep a call waiting. A storage that hangs says nothing, so silence is what
 * is measured; how long a transfer takes as a whole depends on its size and is not limited.
 */

/** Milliseconds, but for `slowest`. */
export interface Limits {
  /** From a call to its connection, with the name looked up and the handshake done. */
  readonly connect: number;
  /** In which at least `slowest` bytes must move, or the answer must begin or end. */
  readonly quiet: number;
  /** Bytes: less is a trickle that keeps a connection open and brings nothing. */
  readonly slowest: number;
  /** That a call may wait in all, its tries and the pauses between them together. */
  readonly patience: number;
  /** Before the second try; each later pause is longer. */
  readonly firstPause: number;
  readonly longestPause: number;
}

/**
 * For calls that somebody waits for. A near bucket connects in milliseconds and begins to answer
 * within one second nearly always, so the limits leave room for two or three tries within ten
 * seconds. That is also well below the lease's time to live: a connection that died costs a trainer
 * a heartbeat and not the lease.
 */
export const defaultLimits: Limits = {
  connect: 3_000,
  quiet: 5_000,
  slowest: 4_096,
  patience: 10_000,
  firstPause: 100,
  longestPause: 5_000,
};

/**
 * The patience of a training, which is worth more than an answer at once: a storage that is started
 * again is back within two minutes. A longer outage ends the training; its checkpoint stays.
 */
export const trainingPatience = 120_000;
