/**
 * Post-training quantization to 8 bits (Jacob et al. 2018; Krishnamoorthi 2018): values are rounded
 * to uint8 with one scale and zero point each, weights to int8 symmetrically with one scale for each
 * output channel, biases to int32. Written as QuantizeLinear and DequantizeLinear pairs around the
 * float operators, which every ONNX Runtime can run and the CPU provider fuses into int8 kernels.
 * Values are uint8 and not int8 because the CPU provider of x86 computes in uint8 and leaves an int8
 * value that two nodes read in float32 (see docs/experiments.md).
 */
import {
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  onnxAttributeType,
} from '../../formats/onnx.ts';
import { indexGraph, storeTensor, type Weight, withoutUnread } from './graph-index.ts';
import type { QuantizationPlan } from './plan-quantization.ts';

/** The smallest and the largest number that a value is to hold. */
export type ValueRange = readonly [low: number, high: number];

interface Rounding {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** uint8, 0 to 255; zero is always met exactly, as padding needs. */
export const roundingFor = ([low, high]: ValueRange): Rounding => {
  const [from, to] = [Math.min(low, 0), Math.max(high, 0)];
  const scale = Math.fround((to - from) / 255) || 1;
  return { scale, zeroPoint: Math.round((0 - from) / scale) };
};

const largestInt32 = 2 ** 31 - 1;

/** @throws RangeError where a planned value has no range */
export const quantize = (
  graph: OnnxGraph,
  plan: QuantizationPlan,
  ranges: ReadonlyMap<string, ValueRange>,
): OnnxGraph => {
  const index = indexGraph(graph);
  const initializer: OnnxTensor[] = [...graph.initializer];
  const roundings = new Map<string, Rounding>();
  for (const [value, source] of plan.rounded) {
    const range = ranges.get(source);
    if (!range) throw new RangeError(`no range for ${source}`);
    roundings.set(value, roundingFor(range));
  }

  const node: OnnxNode[] = [];
  const roundValue = (value: string): void => {
    const rounding = roundings.get(value);
    if (!rounding) return;
    const [scale, zeroPoint] = [`${value}/scale`, `${value}/zero_point`];
    initializer.push(
      storeTensor(scale, 'float32', [], Float32Array.of(rounding.scale)),
      storeTensor(zeroPoint, 'uint8', [], Uint8Array.of(rounding.zeroPoint)),
    );
    node.push(
      operator('QuantizeLinear', [value, scale, zeroPoint], `${value}/uint8`),
      operator('DequantizeLinear', [`${value}/uint8`, scale, zeroPoint], rounded(value)),
    );
  };
  for (const { name } of graph.input) roundValue(name);
  for (const original of graph.node) {
    const read = { ...original, input: original.input.map(readRounded) };
    const axis = plan.weighted.get(original);
    const inputRounding = roundings.get(original.input[0] as string);
    node.push(
      axis === undefined || !inputRounding
        ? read
        : quantizeWeights(read, original, axis, inputRounding.scale),
    );
    for (const value of original.output) roundValue(value);
  }
  return withoutUnread({ ...graph, node, initializer });

  function readRounded(value: string): string {
    return roundings.has(value) ? rounded(value) : value;
  }

  /** Puts int8 weights and int32 biases behind the node's other inputs. */
  function quantizeWeights(
    read: OnnxNode,
    original: OnnxNode,
    axis: number,
    inputScale: number,
  ): OnnxNode {
    const [, kernelName, biasName] = original.input;
    const kernel = index.weight(kernelName) as Weight;
    const bias = biasName ? index.weight(biasName) : undefined;
    // A bias that is no plain vector keeps the whole layer in float32.
    if (biasName && bias?.data.length !== kernel.dims[axis]) return read;
    const name = original.output[0] as string;
    const scales = channelScales(kernel, axis, bias, inputScale);
    const input = [read.input[0] as string, rounded(`${name}/kernel`)];
    initializer.push(
      storeTensor(`${name}/kernel/scale`, 'float32', [scales.length], scales),
      storeTensor(`${name}/kernel/int8`, 'int8', kernel.dims, roundWeights(kernel, axis, scales)),
    );
    node.push(
      operator(
        'DequantizeLinear',
        [`${name}/kernel/int8`, `${name}/kernel/scale`],
        rounded(`${name}/kernel`),
        axis,
      ),
    );
    if (bias) {
      const biasScales = scales.map((scale) => scale * inputScale);
      const whole = Int32Array.from(bias.data, (value, k) =>
        Math.round(value / (biasScales[k] as number)),
      );
      initializer.push(
        storeTensor(`${name}/bias/scale`, 'float32', [scales.length], biasScales),
        storeTensor(`${name}/bias/int32`, 'int32', [scales.length], whole),
      );
      node.push(
        operator(
          'DequantizeLinear',
          [`${name}/bias/int32`, `${name}/bias/scale`],
          rounded(`${name}/bias`),
          0,
        ),
      );
      input.push(rounded(`${name}/bias`));
    }
    return { ...read, input };
  }
};

const rounded = (value: string): string => `${value}/rounded`;

const operator = (
  opType: string,
  input: readonly string[],
  output: string,
  axis?: number,
): OnnxNode => ({
  opType,
  input,
  output: [output],
  attribute: axis === undefined ? [] : [{ name: 'axis', type: onnxAttributeType.int, i: axis }],
});

/** Calls `visit` with each run of neighbouring elements [start, end) and its output channel. */
const eachRun = (
  { dims, data }: Weight,
  axis: number,
  visit: (channel: number, start: number, end: number) => void,
): void => {
  const run = dims.slice(axis + 1).reduce((size, extent) => size * extent, 1);
  const channels = dims[axis] as number;
  for (let start = 0; start < data.length; start += run)
    visit((start / run) % channels, start, start + run);
};

/**
 * One scale for each output channel: its largest weight becomes ±127. A channel with next to no
 * weights takes a larger one, so that its bias still fits into int32.
 */
const channelScales = (
  kernel: Weight,
  axis: number,
  bias: Weight | undefined,
  inputScale: number,
): Float32Array => {
  const largest = new Float32Array(kernel.dims[axis] as number);
  eachRun(kernel, axis, (channel, start, end) => {
    let most = largest[channel] as number;
    for (let i = start; i < end; i++) most = Math.max(most, Math.abs(kernel.data[i] as number));
    largest[channel] = most;
  });
  return largest.map((value, channel) => {
    const forBias = Math.abs(bias?.data[channel] ?? 0) / inputScale / (largestInt32 / 2);
    return Math.max(value / 127, forBias) || 1;
  });
};

const roundWeights = (kernel: Weight, axis: number, scales: Float32Array): Int8Array => {
  const whole = new Int8Array(kernel.data.length);
  eachRun(kernel, axis, (channel, start, end) => {
    const scale = scales[channel] as number;
    for (let i = start; i < end; i++)
      whole[i] = Math.max(-127, Math.min(127, Math.round((kernel.data[i] as number) / scale)));
  });
  return whole;
};
