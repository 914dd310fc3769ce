/**
 * Layers as functions: value in, value out, weights registered on the way under the layer's name.
 * Pictures are [N,C,H,W].
 */
import type { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';
import { sizeOf } from '../tensor/shape.ts';
import { constantFill, glorotUniform, type Initializer } from './initializers.ts';

/** What a network is built into: for training or for answering. */
export interface NetworkContext {
  readonly builder: GraphBuilder;
  readonly training: boolean;
  /** Filled while building for training: running statistics and the batch's own. */
  readonly statistics: { readonly running: Value; readonly batch: Value }[];
  /** Filled while building for training: uniform noise in [0, 1) that each step must supply. */
  readonly noise: Value[];
}

export const createContext = (builder: GraphBuilder, training: boolean): NetworkContext => ({
  builder,
  training,
  statistics: [],
  noise: [],
});

export interface ConvolutionOptions {
  readonly filters: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly bias?: boolean;
  readonly initializer?: Initializer;
}

/** A square convolution with padding `same` (half the kernel on each side). */
export const convolution = (
  { builder }: NetworkContext,
  x: Value,
  name: string,
  options: ConvolutionOptions,
): Value => {
  const { filters, kernel, stride = 1, bias = true, initializer = glorotUniform } = options;
  const shape = [filters, x.shape[1] as number, kernel, kernel];
  const weight = builder.parameter(`${name}/kernel`, shape, initializer(shape), { decay: true });
  const pad = Math.floor(kernel / 2);
  const biases = bias
    ? [builder.parameter(`${name}/bias`, [filters], constantFill(0)([filters]))]
    : [];
  return builder.apply('Conv', [x, weight, ...biases], {
    strides: [stride, stride],
    pads: [pad, pad, pad, pad],
    dilations: [1, 1],
    group: 1,
  });
};

const epsilon = 1e-5;

/** Batch normalization (Ioffe and Szegedy 2015) over N, H and W. */
export const batchNormalization = (context: NetworkContext, x: Value, name: string): Value => {
  const { builder, training } = context;
  const shape = [x.shape[1] as number];
  const weight = (suffix: string, value: number, trainable: boolean) =>
    builder.parameter(`${name}/${suffix}`, shape, constantFill(value)(shape), { trainable });
  const scale = weight('scale', 1, true);
  const bias = weight('bias', 0, true);
  const mean = weight('mean', 0, false);
  const variance = weight('variance', 1, false);
  // In training ONNX Runtime writes the batch's statistics over these two inputs: give it copies.
  const own = (value: Value) =>
    training ? builder.apply('Mul', [value, builder.scalar(0)]) : value;
  const [y, batchMean, batchVariance] = builder.node(
    'BatchNormalization',
    [x, scale, bias, own(mean), own(variance)],
    { epsilon, training },
  );
  if (batchMean && batchVariance) {
    context.statistics.push(
      { running: mean, batch: batchMean },
      { running: variance, batch: batchVariance },
    );
  }
  return y as Value;
};

export const relu = ({ builder }: NetworkContext, x: Value): Value => builder.apply('Relu', [x]);

/** 2×2 windows, stride 2. */
export const maxPool = ({ builder }: NetworkContext, x: Value): Value =>
  builder.apply('MaxPool', [x], {
    kernel: [2, 2],
    strides: [2, 2],
    pads: [0, 0, 0, 0],
    dilations: [1, 1],
  });

/** [N,C,H,W] → [N,C]. */
export const globalAveragePool = ({ builder }: NetworkContext, x: Value): Value =>
  builder.apply('ReduceMean', [x], { axes: [2, 3], keepDimensions: false });

/** [N,…] → [N,F], channel, row, column order. */
export const flatten = ({ builder }: NetworkContext, x: Value): Value => {
  const [batch = 1, ...rest] = x.shape;
  return builder.apply('Reshape', [x], { shape: [batch, sizeOf(rest)] });
};

/** [N,F] → [N,units]; the weight is [units, F]. */
export const dense = (
  { builder }: NetworkContext,
  x: Value,
  name: string,
  units: number,
  initializer: Initializer = glorotUniform,
): Value => {
  const shape = [units, x.shape[1] as number];
  const weight = builder.parameter(`${name}/kernel`, shape, initializer(shape), { decay: true });
  const bias = builder.parameter(`${name}/bias`, [units], constantFill(0)([units]));
  return builder.apply('Gemm', [x, weight, bias], {
    transA: false,
    transB: true,
    alpha: 1,
    beta: 1,
  });
};

/** Srivastava et al. 2014, scaled in training so that answering needs nothing. */
export const dropout = (context: NetworkContext, x: Value, rate: number): Value => {
  const { builder, training, noise } = context;
  if (!training || rate === 0) return x;
  const uniform = builder.input(`noise_${noise.length + 1}`, 'float32', x.shape);
  noise.push(uniform);
  const kept = builder.apply('Greater', [uniform, builder.scalar(rate)]);
  const factor = builder.apply('Where', [kept, builder.scalar(1 / (1 - rate)), builder.scalar(0)]);
  return builder.apply('Mul', [x, factor]);
};
