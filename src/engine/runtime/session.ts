/**
 * The only door to ONNX Runtime. A session runs one ONNX model on this thread; `run` and `create`
 * block it, so serving does this in a worker thread and training in a child process.
 */
import { createRequire } from 'node:module';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import './disable-telemetry.ts';
import { RelearnError } from '../../base/errors.ts';
import type { Device } from '../../records/devices.ts';
import { type Dtype, type Tensor, tensor } from '../tensor/tensor.ts';
import { isUnreturned, unreturned } from './unreturned-outputs.ts';

export interface SessionOptions {
  /** Threads for one operator; default 1, which makes no pool. */
  readonly threads?: number;
  /** Default cpu. Nodes that the device has no kernel for run on the processor. */
  readonly device?: Device;
  /** Names of nodes that must run on the processor all the same. */
  readonly onCpu?: readonly string[];
  /** Write a trace of every kernel's time to files with this prefix. */
  readonly profilePrefix?: string;
}

export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(
    inputs: Readonly<Record<string, Tensor>>,
    outputs?: readonly string[],
  ): Promise<Record<string, Tensor>>;
  /**
   * The same, with each result written over the tensor given for it. An output may share its array
   * with an input; the graph must then read the input before it writes the output. Copies nothing
   * where the model was prepared by `withUnreturnedOutputs`.
   */
  runInto(
    inputs: Readonly<Record<string, Tensor>>,
    outputs: Readonly<Record<string, Tensor>>,
  ): Promise<void>;
  close(): Promise<void>;
}

/** Loaded on first use, so that importing this file costs nothing. */
const runtime = () =>
  createRequire(import.meta.url)('onnxruntime-node') as typeof import('onnxruntime-node');

/** An empty list of names is refused by the runtime. */
const providersFor = (device: Device, onCpu: readonly string[]) =>
  device === 'cpu'
    ? ['cpu']
    : [{ name: device, ...(onCpu.length > 0 ? { forceCpuNodeNames: onCpu } : {}) }, 'cpu'];

/** @throws RelearnError corrupt/`invalid_model_file` where ONNX Runtime refuses the model */
export const createSession = async (
  model: Uint8Array,
  { threads = 1, device = 'cpu', onCpu = [], profilePrefix }: SessionOptions = {},
): Promise<Session> => {
  const ort = runtime();
  let session: InferenceSession;
  try {
    session = await ort.InferenceSession.create(model, {
      executionProviders: providersFor(device, onCpu),
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      // A plan of all tensors in one block of memory fits badly: `article` took 3.1 GB instead of
      // 1.9, and its first steps ten times as long.
      enableMemPattern: false,
      // Between two operators a thread waits awake for a moment, because waking it takes longer than
      // many an operator; after a run, or when the wait is long, the core belongs to others.
      extra: {
        session: {
          intra_op: { allow_spinning: '1', spin_duration_us: '50' },
          force_spinning_stop: '1',
        },
      },
      ...(profilePrefix ? { enableProfiling: true, profileFilePrefix: profilePrefix } : {}),
    });
  } catch (cause) {
    throw new RelearnError('corrupt', 'invalid_model_file', 'The model cannot be loaded.', {
      cause,
      hint: 'Check that the file is complete, or promote another version.',
    });
  }
  /** The runtime's view of the same arrays. */
  const wrap = (tensors: Readonly<Record<string, Tensor>>): Record<string, OrtTensor> =>
    Object.fromEntries(
      Object.entries(tensors).map(([name, { dtype, shape, data }]) => [
        name,
        new ort.Tensor(dtype, data as never, [...shape]),
      ]),
    );
  const first = session.outputNames[0] === unreturned ? { [unreturned]: null } : {};
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    runInto: async (inputs, outputs) => {
      try {
        await session.run(wrap(inputs), { ...first, ...wrap(outputs) });
      } catch (error) {
        if (!isUnreturned(error)) throw error;
      }
    },
    run: async (inputs, outputs = session.outputNames) => {
      const results = await session.run(wrap(inputs), [...outputs]);
      return Object.fromEntries(
        Object.entries(results).map(([name, value]) => [
          name,
          tensor(value.type as Dtype, value.dims, value.data as never) as Tensor,
        ]),
      );
    },
    close: async () => {
      if (profilePrefix) session.endProfiling();
      await session.release();
    },
  };
};
