/**
 * A compiled training step and the weights it moves, which it writes over in place. Blocks its
 * thread for the length of a step; runs in the training child process.
 */

import { RelearnError } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';
import type { Device } from '../../records/devices.ts';
import type { Graph, Value } from '../graph/graph.ts';
import type { Architecture } from '../nn/architectures.ts';
import { intoBlocks, outOfBlocks } from '../nn/blocked-dense.ts';
import { createOptimizer, type OptimizerSettings } from '../nn/optimizers.ts';
import { buildTrainingGraph } from '../nn/training-graph.ts';
import { partsOf } from '../nn/weight-groups.ts';
import { toOnnx } from '../onnx/to-onnx.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import { float32, scalar, type Tensor, tensor } from '../tensor/tensor.ts';
import { openDevice } from './open-device.ts';
import { describePlacement, type PlacedModel, placeOnDevice } from './place-on-device.ts';
import { probeBlockSize } from './probe-block-size.ts';
import { createSession } from './session.ts';
import { withUnreturnedOutputs } from './unreturned-outputs.ts';
import { whereNodesRun, zerosFor } from './where-nodes-run.ts';

export interface TrainingSessionOptions {
  readonly architecture: Architecture;
  readonly classes: number;
  readonly batchSize: number;
  readonly imageSize: number;
  readonly optimizer: OptimizerSettings;
  /** Starting weights by name; those that are missing are initialized. */
  readonly weights?: ReadonlyMap<string, Float32Array>;
  /** Goes on from a snapshot of a session with the same options instead of starting anew. */
  readonly resume?: SessionSnapshot;
  /** Draws initial weights and dropout noise. */
  readonly random: Random;
  readonly threads: number;
  /** Where steps run; default cpu, and cpu where the other is not available. */
  readonly device?: Device;
  /** What runs where, for the person who waits. */
  onLine?(line: string): void;
  readonly profilePrefix?: string;
}

/** All that the next steps depend on, besides their pictures. */
export interface SessionSnapshot {
  /** Steps taken. */
  readonly step: number;
  /** Weights, running statistics and optimizer states, by name. */
  readonly tensors: ReadonlyMap<string, Float32Array>;
}

export interface StepResult {
  readonly loss: number;
  /** [N, classes] */
  readonly logits: Float32Array;
}

export interface TrainingSession {
  /** The compiled step, for people to look at. */
  readonly graph: Graph;
  /**
   * One step on one batch.
   * @param pixels uint8 [N,H,W,C]
   * @param targets float32 [N,classes], rows are distributions
   * @throws RelearnError unavailable/`device_failed`, on a device other than the processor
   */
  step(pixels: Uint8Array, targets: Float32Array, learningRate: number): Promise<StepResult>;
  /**
   * The weights and running statistics by name. Large dense weights, which lie in blocked layout
   * here, are copies; of the others nothing is copied and the next step writes over them.
   */
  weights(): ReadonlyMap<string, Float32Array>;
  /** As for weights; valid until the next step. */
  snapshot(): SessionSnapshot;
  close(): Promise<void>;
}

/** @throws RelearnError corrupt/`damaged_checkpoint` where `resume` lacks a tensor of this network */
export const createTrainingSession = async (
  options: TrainingSessionOptions,
): Promise<TrainingSession> => {
  const { architecture, classes, batchSize, imageSize, random, threads, profilePrefix } = options;
  const optimizer = createOptimizer(options.optimizer);
  const { device, fallback } = await openDevice(options.device ?? 'cpu');
  if (fallback) options.onLine?.(`device: ${fallback}; training on the cpu`);
  const { graph, weights, groups, blocked, states, noise } = buildTrainingGraph(architecture, {
    classes,
    batchSize,
    imageSize,
    optimizer,
    // The blocked layout is the processor's own.
    blockSize: device === 'cpu' ? await probeBlockSize() : null,
  });
  const { model, onCpu } = await prepareFor(device, graph, options);
  const session = await createSession(withUnreturnedOutputs(model), {
    threads,
    device,
    onCpu,
    ...(profilePrefix ? { profilePrefix } : {}),
  });

  /** Everything that lasts from step to step; members of a group lie in the group's memory. */
  const current = new Map<string, Tensor<'float32'>>();
  for (const group of groups) {
    const memory = new Float32Array(sizeOf(group.vector.shape));
    current.set(group.vector.name, float32(group.vector.shape, memory));
    partsOf(group, memory).forEach((part, index) => {
      const { name, shape } = group.members[index] as Value;
      current.set(name, float32(shape, part));
    });
  }
  const blockedByName = new Map(blocked.map((tensor) => [tensor.plain.name, tensor]));
  /** @param initial what a new training starts with; undefined = zeros */
  const start = ({ name, shape }: Value, initial?: () => Float32Array): void => {
    const inBlocks = blockedByName.get(name);
    const given = options.resume ? resumed(options.resume, name, shape) : initial?.();
    const data = given ?? new Float32Array(sizeOf(shape));
    const place = current.get(name);
    if (place) place.data.set(data);
    else if (inBlocks) {
      const blockedData = given ? intoBlocks(inBlocks, data) : data;
      current.set(inBlocks.blocked.name, float32(inBlocks.blocked.shape, blockedData));
    } else current.set(name, float32(shape, options.resume ? data.slice() : data));
  };
  for (const { value, initialize } of graph.parameters) {
    const given = options.weights?.get(value.name)?.slice();
    start(value, () => given ?? initialize(random.fork(value.name)));
  }
  for (const value of states) start(value);
  /** Names of what a snapshot holds: the groups' vectors are there by their members. */
  const lasting = [...weights, ...states].map(({ name }) => name);
  let stepNumber = options.resume?.step ?? 0;

  const results: Record<string, Tensor<'float32'>> = {};
  for (const { name, value } of graph.outputs) {
    const overwritten = current.get(name.replace(/^next\//, ''));
    results[name] = float32(
      value.shape,
      overwritten?.data ?? new Float32Array(sizeOf(value.shape)),
    );
  }
  const result = (name: string) => (results[name] as Tensor<'float32'>).data;
  /** As it lies. */
  const stored = (name: string): Float32Array =>
    (current.get(blockedByName.get(name)?.blocked.name ?? name) as Tensor<'float32'>).data;
  const plainly = (name: string): Float32Array => {
    const inBlocks = blockedByName.get(name);
    return inBlocks ? outOfBlocks(inBlocks, stored(name)) : stored(name);
  };
  const rescaleStates = (step: number): void => {
    const factors = optimizer.rescale?.(step);
    if (factors === undefined) return;
    for (const { name } of states) {
      const factor = factors[name.slice(0, name.indexOf('/'))];
      const data = stored(name);
      if (factor !== undefined)
        for (let i = 0; i < data.length; i++) data[i] = (data[i] as number) * factor;
    }
  };
  const arrays = (names: Iterable<string>) =>
    new Map(Array.from(names, (name) => [name, plainly(name)]));

  return {
    graph,
    step: async (pixels, targets, learningRate) => {
      stepNumber += 1;
      const inputs: Record<string, Tensor> = Object.fromEntries(current);
      inputs.pixels = tensor(
        'uint8',
        [batchSize, imageSize, imageSize, architecture.channels],
        pixels,
      );
      inputs.targets = float32([batchSize, classes], targets);
      rescaleStates(stepNumber);
      const hyperparameters = optimizer.hyperparameters(stepNumber, learningRate);
      for (const [name, value] of Object.entries(hyperparameters))
        if (session.inputNames.includes(name)) inputs[name] = scalar(value);
      // By step and name, so that a run that was interrupted draws what it would have drawn.
      const noiseOfStep = random.fork(`noise ${stepNumber}`);
      for (const { name, shape } of noise) {
        const noiseSource = noiseOfStep.fork(name);
        const data = new Float32Array(sizeOf(shape));
        for (let i = 0; i < data.length; i++) data[i] = noiseSource.next();
        inputs[name] = float32(shape, data);
      }
      await session.runInto(inputs, results).catch((error: unknown) => {
        throw device === 'cpu' ? error : deviceFailed(device, stepNumber, error);
      });
      return { loss: result('loss')[0] as number, logits: result('logits').slice() };
    },
    weights: () => arrays(weights.map(({ name }) => name)),
    snapshot: () => ({ step: stepNumber, tensors: arrays(lasting) }),
    close: () => session.close(),
  };
};

/** On a device: what it cannot do is kept off it, and what runs where is told. */
const prepareFor = async (
  device: Device,
  graph: Graph,
  { threads, onLine }: TrainingSessionOptions,
): Promise<Pick<PlacedModel, 'model' | 'onCpu'>> => {
  const model = toOnnx(graph);
  if (device === 'cpu') return { model, onCpu: [] };
  const placed = await placeOnDevice(graph, model, device);
  for (const line of placed.lines) onLine?.(line);
  const fed = [...graph.inputs, ...graph.parameters.map(({ value }) => value)];
  const placement = await whereNodesRun(placed.model, zerosFor(fed), {
    threads,
    device,
    onCpu: placed.onCpu,
  });
  onLine?.(describePlacement(device, placement));
  return placed;
};

const deviceFailed = (device: Device, step: number, cause: unknown): RelearnError =>
  new RelearnError('unavailable', 'device_failed', `${device} failed at step ${step}: ${cause}`, {
    cause,
    hint: 'Train on the processor: relearn train --device cpu',
  });

const resumed = ({ tensors }: SessionSnapshot, name: string, shape: Shape): Float32Array => {
  const data = tensors.get(name);
  if (data?.length === sizeOf(shape)) return data;
  throw new RelearnError(
    'corrupt',
    'damaged_checkpoint',
    `The checkpoint's tensor ${name} has ${data?.length ?? 'no'} numbers instead of ${sizeOf(shape)}.`,
    { hint: 'Train again without --resume.' },
  );
};
