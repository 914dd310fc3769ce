/** Asks ONNX Runtime on which device it placed each node of a model, by running it once. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Value } from '../graph/graph.ts';
import { sizeOf } from '../tensor/shape.ts';
import { type Tensor, tensor } from '../tensor/tensor.ts';
import { createSession, type SessionOptions } from './session.ts';

/** Operators by how often they ran there. Kernels that were fused count once. */
export type NodeCounts = ReadonlyMap<string, number>;

export interface NodePlacement {
  readonly onDevice: NodeCounts;
  readonly onCpu: NodeCounts;
}

interface TraceEvent {
  readonly cat?: string;
  readonly name?: string;
  readonly args?: { readonly op_name?: string; readonly provider?: string };
}

export const whereNodesRun = async (
  model: Uint8Array,
  inputs: Readonly<Record<string, Tensor>>,
  options: SessionOptions,
): Promise<NodePlacement> => {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-profile-'));
  try {
    const session = await createSession(model, {
      ...options,
      profilePrefix: join(folder, 'trace'),
    });
    try {
      await session.run(inputs, session.outputNames.slice(-1));
    } finally {
      await session.close();
    }
    const [name = ''] = await readdir(folder);
    const trace = JSON.parse(await readFile(join(folder, name), 'utf8')) as readonly TraceEvent[];
    return countNodes(trace);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const arrays = {
  float32: Float32Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

/** Something to feed each of these, where only the places of the nodes matter. */
export const zerosFor = (values: readonly Value[]): Readonly<Record<string, Tensor>> =>
  Object.fromEntries(
    values.map(({ name, dtype, shape }) => [
      name,
      tensor(dtype, shape, new arrays[dtype](sizeOf(shape)) as never),
    ]),
  );

const countNodes = (trace: readonly TraceEvent[]): NodePlacement => {
  const counts = { onDevice: new Map<string, number>(), onCpu: new Map<string, number>() };
  for (const { cat, name, args } of trace) {
    if (cat !== 'Node' || !name?.endsWith('_kernel_time') || !args?.op_name) continue;
    const at = args.provider === 'CPUExecutionProvider' ? counts.onCpu : counts.onDevice;
    at.set(args.op_name, (at.get(args.op_name) ?? 0) + 1);
  }
  return counts;
};
