/**
 * How long models take to answer, measured side by side: they take turns on the same input, so that
 * whatever else the machine does meets all of them alike.
 */
import type { Clock } from '../../base/clock.ts';
import { float32 } from '../tensor/tensor.ts';
import { createSession } from './session.ts';

export interface TimingRequest {
  readonly models: readonly Uint8Array[];
  /** [C, H, W] of one picture. */
  readonly shape: readonly [number, number, number];
  readonly batchSize: number;
  readonly clock: Clock;
  /** Milliseconds to spend; at least five turns are taken. */
  readonly budget?: number;
}

const leastTurns = 5;
const mostTurns = 200;

/** @returns the median of each model's turns, in milliseconds a picture, on one thread */
export const timeModels = async ({
  models,
  shape,
  batchSize,
  clock,
  budget = 1500,
}: TimingRequest): Promise<readonly number[]> => {
  const [channels, height, width] = shape;
  const data = new Float32Array(batchSize * channels * height * width);
  // Any picture takes as long as any other; these are stripes of all brightnesses.
  for (let i = 0; i < data.length; i++) data[i] = (i % 255) / 255;
  const images = float32([batchSize, channels, height, width], data);
  const sessions = await Promise.all(models.map((model) => createSession(model)));
  const turns: number[][] = sessions.map(() => []);
  try {
    for (const session of sessions) await session.run({ images });
    const end = clock.monotonic() + budget;
    for (let turn = 0; turn < mostTurns; turn++) {
      if (turn >= leastTurns && clock.monotonic() > end) break;
      for (const [index, session] of sessions.entries()) {
        const started = clock.monotonic();
        await session.run({ images });
        turns[index]?.push(clock.monotonic() - started);
      }
    }
  } finally {
    for (const session of sessions) await session.close();
  }
  return turns.map((times) => (median(times) ?? 0) / batchSize);
};

const median = (values: readonly number[]): number | undefined =>
  [...values].sort((a, b) => a - b)[values.length >> 1];
