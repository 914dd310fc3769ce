/** A backbone that answers with its features. */
import { sizeOf } from '../tensor/shape.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { writeImages } from './create-classifier.ts';
import { createSession } from './session.ts';

/** What computes features, as bytes that can be handed to a thread. */
export interface FeatureModel {
  /** ONNX: `images` float32 [batchSize,C,H,W] in 0..1 to `features` [batchSize, featureCount]. */
  readonly model: Uint8Array;
  readonly batchSize: number;
  readonly channels: 1 | 3;
  /** Rows and columns of a picture. */
  readonly imageSize: number;
  readonly featureCount: number;
}

export interface FeatureExtractor {
  /** Most pictures in one call. */
  readonly batchSize: number;
  /** Calls that are worked on at the same time. */
  readonly parallel: number;
  /**
   * @param pixels uint8 [count, H, W, C] as `preprocess` makes them
   * @returns float32 [count, featureCount]
   */
  extract(pixels: Uint8Array, count: number): Promise<Float32Array>;
  close(): Promise<void>;
}

/** In this thread, which it blocks while it computes. */
export const extractHere = async (
  { model, batchSize, channels, imageSize, featureCount }: FeatureModel,
  { threads }: { readonly threads: number },
): Promise<FeatureExtractor> => {
  const session = await createSession(model, { threads });
  const shape = [batchSize, channels, imageSize, imageSize];
  return {
    batchSize,
    parallel: 1,
    extract: async (pixels, count) => {
      // The graph has one size; what a short batch leaves over is computed and thrown away. Memory of
      // its own for each call: the next one may come before this one has run.
      const images = float32(shape, new Float32Array(sizeOf(shape)));
      // Here and not in the graph: transposing bytes there takes as long as half a small network.
      writeImages(pixels, count, channels, images.data);
      const { features } = (await session.run({ images })) as { features: Tensor<'float32'> };
      return features.data.slice(0, count * featureCount);
    },
    close: () => session.close(),
  };
};
