/** A training session with pictures of noise to learn, the same ones every time. */
import { availableParallelism } from 'node:os';
import type { createRandom } from '../src/base/random.ts';
import type { ArchitectureName, architectures } from '../src/engine/nn/architectures.ts';
import type { createTrainingSession } from '../src/engine/runtime/training-session.ts';

/** What it takes of the source tree that is measured. */
export interface Engine {
  readonly createRandom: typeof createRandom;
  readonly architectures: typeof architectures;
  readonly createTrainingSession: typeof createTrainingSession;
}

export interface Steps {
  /** Takes one step. @returns its milliseconds */
  step(): Promise<number>;
  close(): Promise<void>;
}

export const prepareSteps = async (
  { createRandom, architectures, createTrainingSession }: Engine,
  name: ArchitectureName,
  batchSize: number,
): Promise<Steps> => {
  const architecture = architectures[name];
  const { imageSize, channels } = architecture;
  const random = createRandom(1);
  const session = await createTrainingSession({
    architecture,
    classes: 2,
    batchSize,
    imageSize,
    optimizer: architecture.recipe.scratch.optimizer,
    random,
    threads: availableParallelism(),
  });
  const pixels = new Uint8Array(batchSize * imageSize * imageSize * channels).map(() =>
    random.integer(256),
  );
  const targets = new Float32Array(batchSize * 2).map((_, i) => ((i >> 1) + i) % 2);
  return {
    step: async () => {
      const started = performance.now();
      await session.step(pixels, targets, 1e-4);
      return performance.now() - started;
    },
    close: () => session.close(),
  };
};
