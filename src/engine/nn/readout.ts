/**
 * How a trained network's logits become its answer, as part of the served graph, so that whoever
 * runs the file gets the same answers as were measured.
 */
import type { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';

export interface Readout {
  /**
   * Answer with the mean of the logits of the picture and of its mirror image (test-time
   * augmentation, as in Krizhevsky et al. 2012). Doubles the arithmetic.
   */
  readonly mirror: boolean;
  /**
   * What logits are divided by (temperature scaling, Guo et al. 2017): above 1 where the network is
   * surer than it is right. Changes no predicted class.
   */
  readonly temperature: number;
}

export const plainReadout: Readout = { mirror: false, temperature: 1 };

/**
 * @param images float32 [N,C,H,W]
 * @param network from images [M,C,H,W] to logits [M, classes]
 * @returns logits [N, classes]
 */
export const readOut = (
  b: GraphBuilder,
  images: Value,
  { mirror, temperature }: Readout,
  network: (images: Value) => Value,
): Value => {
  const logits = mirror ? meanWithMirrorImage(b, images, network) : network(images);
  return temperature === 1 ? logits : b.apply('Mul', [logits, b.scalar(1 / temperature)]);
};

/**
 * @param network from images [M,C,H,W] to [M, n]
 * @returns [N, n], the mean of a picture and its mirror image
 */
export const meanWithMirrorImage = (
  b: GraphBuilder,
  images: Value,
  network: (images: Value) => Value,
): Value => {
  const mirrored = b.apply('Slice', [images], {
    starts: [-1],
    ends: [-(images.shape[3] as number) - 1],
    axes: [3],
    steps: [-1],
  });
  // One pass over twice as many pictures, so that the weights stand in the graph once.
  const logits = network(b.apply('Concat', [images, mirrored], { axis: 0 }));
  const [batch, classes] = [images.shape[0] as number, logits.shape[1] as number];
  const pairs = b.apply('Reshape', [logits], { shape: [2, batch, classes] });
  return b.apply('ReduceMean', [pairs], { axes: [0], keepDimensions: false });
};
