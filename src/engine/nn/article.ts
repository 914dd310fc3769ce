/**
 * The convolutional network of the article that Relearn started from, layer for layer: 224×224
 * grey, two 3×3 convolutions of 32 with a pool after each, two of 64 with a pool after both, a
 * dense layer of 1,024 and dropout of 0.4. 51,448,290 weights for two classes. It flattens in
 * channel, row, column order where the article's framework flattens row, column, channel: the same
 * network with its first dense layer's columns in another order.
 */
import type { Value } from '../graph/graph.ts';
import type { Architecture } from './architectures.ts';
import { convolution, dense, dropout, flatten, maxPool, relu } from './layers.ts';
import type { Recipe } from './recipe.ts';
import { oneCycle } from './schedules.ts';

const recipe: Recipe = {
  batchSize: 32,
  optimizer: { kind: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
  learningRate: 0.0006,
  schedule: oneCycle(0.1),
  epochs: 8,
  shrinkPerturb: null,
  labelSmoothing: 0,
  averageDecay: null,
  answerScale: 1,
  mirror: false,
  augmentation: 'flip',
};

export const article: Architecture = {
  channels: 1,
  imageSize: 224,
  fixedSize: true,
  recipe: { scratch: recipe, champion: { ...recipe, learningRate: 0.0002, epochs: 6 } },
  build: (context, images, classes) => {
    const { builder } = context;
    // Pooling before ReLU gives the same values on a quarter of the pixels.
    const activated = (name: string, x: Value, filters: number) =>
      relu(context, convolution(context, x, name, { filters, kernel: 3 }));
    const pooled = (name: string, x: Value, filters: number) =>
      relu(context, maxPool(context, convolution(context, x, name, { filters, kernel: 3 })));
    let x = builder.apply('Sub', [images, builder.scalar(0.5)]);
    x = pooled('conv1', x, 32);
    x = pooled('conv2', x, 32);
    x = activated('conv3', x, 64);
    x = pooled('conv4', x, 64);
    x = relu(context, dense(context, flatten(context, x), 'dense1', 1024));
    return dense(context, dropout(context, x, 0.4), 'logits', classes);
  },
};
