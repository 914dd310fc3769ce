/**
 * Prepares a training step for a device other than the processor: names its nodes, keeps those that
 * the device gets wrong on the processor, and says what runs where.
 */
import { decodeOnnx, encodeOnnx } from '../../formats/onnx.ts';
import type { Device } from '../../records/devices.ts';
import type { Graph } from '../graph/graph.ts';
import { type OpenOn, probeNodes } from './probe-nodes.ts';
import type { NodeCounts, NodePlacement } from './where-nodes-run.ts';

export interface PlacedModel {
  readonly model: Uint8Array;
  /** Names of nodes that must stay on the processor. */
  readonly onCpu: readonly string[];
  /** For the person who waits: one for each kind of node that was found wrong. */
  readonly lines: readonly string[];
}

/** @param model what `toOnnx` made of the graph */
export const placeOnDevice = async (
  graph: Graph,
  model: Uint8Array,
  device: Device,
  open?: OpenOn,
): Promise<PlacedModel> => {
  const faults = await probeNodes(graph, device, open);
  const outputNames = new Map(graph.outputs.map(({ name, value }) => [value, name]));
  const onCpu = faults.flatMap(({ nodes }) =>
    nodes.flatMap(({ outputs: [value] }) => (value ? [outputNames.get(value) ?? value.name] : [])),
  );
  return {
    model: withNodeNames(model),
    onCpu,
    lines: faults.map(
      ({ nodes, reason }) => `device: ${nodes.length} × ${nodes[0]?.op} on the cpu: ${reason}`,
    ),
  };
};

/** Each node by its first output. */
const withNodeNames = (bytes: Uint8Array): Uint8Array => {
  const model = decodeOnnx(bytes);
  const node = model.graph.node.map((one) => ({ ...one, name: one.output[0] ?? '' }));
  return encodeOnnx({ ...model, graph: { ...model.graph, node } });
};

/** `device: 240 nodes on webgpu, 14 on the cpu (Cast × 2, MaxUnpool × 4, …)` */
export const describePlacement = (device: Device, { onDevice, onCpu }: NodePlacement): string => {
  const total = (counts: NodeCounts) => [...counts.values()].reduce((sum, count) => sum + count, 0);
  const list = [...onCpu]
    .sort(([, a], [, b]) => b - a)
    .map(([op, count]) => `${op} × ${count}`)
    .join(', ');
  const rest = onCpu.size === 0 ? 'none on the cpu' : `${total(onCpu)} on the cpu (${list})`;
  return `device: ${total(onDevice)} nodes on ${device}, ${rest}`;
};
