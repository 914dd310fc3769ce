/**
 * Finds the nodes of a graph that a device computes wrongly or not at all, by running each kind of
 * node alone there and on the processor with the same numbers. What ONNX Runtime itself knows to be
 * missing on a device it places on the processor without being told; what is found here is what it
 * does not know.
 */

import { createRandom, type Random } from '../../base/random.ts';
import type { Device } from '../../records/devices.ts';
import type { Graph, Node, Value } from '../graph/graph.ts';
import { toOnnx } from '../onnx/to-onnx.ts';
import { sizeOf } from '../tensor/shape.ts';
import { type Dtype, type Tensor, tensor } from '../tensor/tensor.ts';
import { createSession, type Session } from './session.ts';

export interface NodeFault {
  readonly nodes: readonly Node[];
  /** In one sentence. */
  readonly reason: string;
}

/** Opens a model on a device; tests pass devices of their own. */
export type OpenOn = (model: Uint8Array, device: Device) => Promise<Session>;

const openOn: OpenOn = (model, device) => createSession(model, { device });

/** Devices add up in other orders than the processor does. */
const tolerance = 1e-2;

export const probeNodes = async (
  graph: Graph,
  device: Device,
  open: OpenOn = openOn,
): Promise<readonly NodeFault[]> => {
  const faults: NodeFault[] = [];
  for (const nodes of kindsOf(graph)) {
    const reason = await faultOf(graph, largestOf(nodes), device, open);
    if (reason !== undefined) faults.push({ nodes, reason });
  }
  return faults;
};

/** Nodes of one operator, with the same attributes, and inputs of the same types and ranks. */
const kindsOf = ({ nodes }: Graph): readonly (readonly Node[])[] => {
  const kinds = new Map<string, Node[]>();
  for (const node of nodes) {
    const inputs = node.inputs.map(({ dtype, shape }) => `${dtype}${shape.length}`);
    const key = `${node.op}(${inputs})${shapeless(node)}`;
    kinds.set(key, [...(kinds.get(key) ?? []), node]);
  }
  return [...kinds.values()];
};

/** What a device does with the most numbers it does with fewer. */
const largestOf = (nodes: readonly Node[]): Node => {
  const numbers = ({ inputs, outputs }: Node) =>
    [...inputs, ...outputs].reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return nodes.reduce((a, b) => (numbers(b) > numbers(a) ? b : a));
};

/** Attributes that are shapes make no other kind. */
const shapeless = ({ attributes }: Node): string =>
  JSON.stringify({ ...attributes, shape: undefined });

const faultOf = async (
  graph: Graph,
  node: Node,
  device: Device,
  open: OpenOn,
): Promise<string | undefined> => {
  const constants = new Map([...graph.constants].filter(([value]) => node.inputs.includes(value)));
  const fed = [...new Set(node.inputs)].filter((value) => !constants.has(value));
  const model = toOnnx({
    inputs: fed,
    parameters: [],
    constants,
    nodes: [node],
    outputs: usedOutputs(graph, node).map((value) => ({ name: value.name, value })),
  });
  const random = createRandom(1);
  const inputs = Object.fromEntries(fed.map((value) => [value.name, numbersFor(value, random)]));
  const run = async (where: Device) => {
    const session = await open(model, where);
    try {
      return await session.run(inputs);
    } finally {
      await session.close();
    }
  };
  const expected = await run('cpu');
  let found: Record<string, Tensor>;
  try {
    found = await run(device);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return message.replace(/^Non-zero status .* Status Message: /, '');
  }
  const differs = Object.entries(expected).some(
    ([name, { data }]) => differenceOf(found[name]?.data, data) > tolerance,
  );
  return differs ? 'other numbers than on the processor' : undefined;
};

const usedOutputs = (graph: Graph, node: Node): readonly Value[] => {
  const outputs = new Set(graph.outputs.map(({ value }) => value));
  const used = node.outputs.filter(
    (value) => outputs.has(value) || graph.nodes.some(({ inputs }) => inputs.includes(value)),
  );
  return used.length > 0 ? used : node.outputs.slice(0, 1);
};

/** Numbers that every operator takes: between 0.1 and 1, and whole ones that are valid indices. */
const fillers: { readonly [D in Dtype]: (size: number, random: Random) => Tensor<D>['data'] } = {
  float32: (size, random) => Float32Array.from({ length: size }, () => 0.1 + 0.9 * random.next()),
  int32: (size) => new Int32Array(size),
  int64: (size) => new BigInt64Array(size),
  uint8: (size, random) => Uint8Array.from({ length: size }, () => random.integer(256)),
  bool: (size, random) => Uint8Array.from({ length: size }, () => random.integer(2)),
};

const numbersFor = ({ dtype, shape }: Value, random: Random): Tensor =>
  tensor(dtype, shape, fillers[dtype](sizeOf(shape), random) as never);

/** The largest difference, as a share of the largest number expected. */
const differenceOf = (found: Tensor['data'] | undefined, expected: Tensor['data']): number => {
  if (found?.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 1e-6;
  let difference = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [Number(found[i]), Number(expected[i])];
    // Not a number on both sides is agreement.
    if (Number.isNaN(a) && Number.isNaN(b)) continue;
    largest = Math.max(largest, Math.abs(b));
    difference = Math.max(
      difference,
      Number.isNaN(a - b) ? Number.POSITIVE_INFINITY : Math.abs(a - b),
    );
  }
  return difference / largest;
};
