/**
 * A small residual network for two cores (He et al. 2016, with the down-sampling shortcut of He et
 * al. 2019): a stem of two 3×3 convolutions, then four blocks of 32, 64, 128 and 256 filters, each
 * halving the picture until it is a single pixel. Trained on 96×96 in colour by default, answers on
 * 112×112; 1.2 million weights.
 */
import type { Value } from '../graph/graph.ts';
import type { Architecture } from './architectures.ts';
import { heNormal } from './initializers.ts';
import {
  batchNormalization,
  convolution,
  dense,
  globalAveragePool,
  maxPool,
  type NetworkContext,
  relu,
} from './layers.ts';
import type { Recipe } from './recipe.ts';
import { oneCycle } from './schedules.ts';

const scratch: Recipe = {
  batchSize: 64,
  optimizer: { kind: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.05 },
  learningRate: 0.006,
  schedule: oneCycle(0.15),
  epochs: 40,
  shrinkPerturb: null,
  labelSmoothing: 0.1,
  averageDecay: 0.998,
  answerScale: 7 / 6,
  mirror: true,
  augmentation: 'standard',
};

/** Convolution without bias, batch normalization, and ReLU unless told otherwise. */
const unit = (
  context: NetworkContext,
  x: Value,
  name: string,
  filters: number,
  options: { readonly kernel?: number; readonly stride?: number; readonly linear?: boolean } = {},
): Value => {
  const { kernel = 3, stride = 1, linear = false } = options;
  const convolved = convolution(context, x, `${name}/conv`, {
    filters,
    kernel,
    stride,
    bias: false,
    initializer: heNormal,
  });
  const normalized = batchNormalization(context, convolved, `${name}/norm`);
  return linear ? normalized : relu(context, normalized);
};

/**
 * Pools to half the size, then ReLU, then two convolutions beside a 1×1 shortcut. Pooling before
 * ReLU gives the same values on a quarter of the pixels.
 */
const block = (context: NetworkContext, input: Value, name: string, filters: number): Value => {
  const [, , height = 1] = input.shape;
  const x = relu(context, height > 1 ? maxPool(context, input) : input);
  const shortcut = unit(context, x, `${name}/shortcut`, filters, { kernel: 1, linear: true });
  const first = unit(context, x, `${name}/first`, filters);
  const second = unit(context, first, `${name}/second`, filters, { linear: true });
  return context.builder.apply('Add', [second, shortcut]);
};

export const compact: Architecture = {
  channels: 3,
  imageSize: 96,
  fixedSize: false,
  recipe: {
    scratch,
    champion: {
      ...scratch,
      learningRate: 0.0015,
      epochs: 17,
      shrinkPerturb: { keep: 0.6, noise: 0.1 },
    },
  },
  build: (context, images, classes) => {
    const { builder } = context;
    // Centre and scale: most pictures then lie within ±2.
    let x = builder.apply('Mul', [
      builder.apply('Sub', [images, builder.scalar(0.45)]),
      builder.scalar(4),
    ]);
    x = unit(context, x, 'stem', 32, { stride: 2, linear: true });
    [32, 64, 128, 256].forEach((filters, index) => {
      x = block(context, x, `block${index + 1}`, filters);
    });
    return dense(context, globalAveragePool(context, relu(context, x)), 'logits', classes);
  },
};
