/**
 * Trains in a child process of lower priority, so that the server goes on answering and a crash of
 * native code costs one training. The child may be killed at any moment; only this side writes to
 * the log.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism, constants, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { RelearnError } from '../../base/errors.ts';
import type { Device } from '../../records/devices.ts';
import type { CredentialSource } from '../../storage/open-store.ts';
import type { Trainer, TrainingOutcome, TrainingWatch } from './trainer.ts';
import { fromSentError, type TrainingMessage, type TrainingOrder } from './training-messages.ts';

/** The end of what a child writes to stderr, for the log. */
const keptOutput = 4_000;

const lowerPriority = ({ pid }: ChildProcess): void => {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already, or the system allows no change; training at full priority is all right.
  }
};

const crashed = (
  code: number | null,
  signal: string | null,
  output: string,
  decoding: string | undefined,
  device: Device = 'cpu',
): RelearnError =>
  new RelearnError(
    'unavailable',
    'training_crashed',
    `The training process ended early (${signal ?? `exit code ${code}`}).${output === '' ? '' : `\n${output}`}`,
    {
      hint:
        device === 'cpu'
          ? 'Nothing was lost: go on with relearn train --resume, or train again. If it ended for lack of memory, use a smaller --batch-size.'
          : `Nothing was lost. If ${device} ended it, train on the processor: relearn train --device cpu`,
      ...(decoding === undefined ? {} : { details: { decoding } }),
    },
  );

const runChild = (child: ChildProcess, order: TrainingOrder, watch: TrainingWatch) =>
  new Promise<TrainingOutcome>((resolve, reject) => {
    let output = '';
    let result: TrainingOutcome | undefined;
    let failure: unknown;
    let decoding: string | undefined;
    // No state of the child matters outside it, so there is nothing to end gently.
    const kill = () => child.kill('SIGKILL');
    watch.signal.addEventListener('abort', kill, { once: true });

    const handlers: {
      [Type in TrainingMessage['type']]: (
        message: Extract<TrainingMessage, { type: Type }>,
      ) => void;
    } = {
      progress: ({ progress }) => {
        if (progress.phase !== 'preparing') decoding = undefined;
        watch.onProgress(progress);
      },
      line: ({ line }) => watch.onLine(line),
      curve: ({ points }) => watch.onCurve(points),
      decoding: ({ key }) => {
        decoding = key;
      },
      done: ({ outcome }) => {
        result = outcome;
      },
      error: ({ error }) => {
        failure = fromSentError(error);
      },
    };
    child.on('message', (message: TrainingMessage) => handlers[message.type](message as never));
    child.stderr?.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-keptOutput);
    });
    child.on('error', (error) => {
      failure ??= error;
    });
    child.on('close', (code, signal) => {
      watch.signal.removeEventListener('abort', kill);
      if (watch.signal.aborted) reject(watch.signal.reason);
      else if (result) resolve(result);
      else
        reject(
          failure ?? crashed(code, signal, output.trim(), decoding, order.request.options.device),
        );
    });
    child.send(order, (error) => {
      if (error) failure ??= error;
    });
  });

export interface ForkTrainerOptions {
  /** As the child opens it: a path or URL. */
  readonly store: string;
  readonly threads?: number;
  /** In place of what the child finds in its environment, as they are when it starts. */
  readonly credentials?: CredentialSource;
}

export const createForkTrainer =
  (options: ForkTrainerOptions): Trainer =>
  async (request, watch) => {
    // Loaded on first use: a process that only predicts or collects needs nothing of the engine.
    const { trainingEnvironment } = await import('../../engine/runtime/training-environment.ts');
    const given = options.credentials ? { credentials: await options.credentials() } : {};
    watch.signal.throwIfAborted();
    // All built files lie in one folder, whichever of them this code ends up in.
    const entry = fileURLToPath(new URL('./training-child.js', import.meta.url));
    const child = fork(entry, [], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // What this process has, nothing of it read here, and what the memory allocator needs.
      env: { ...process.env, ...trainingEnvironment },
    });
    lowerPriority(child);
    const threads = options.threads ?? availableParallelism();
    return runChild(child, { store: options.store, threads, request, ...given }, watch);
  };
