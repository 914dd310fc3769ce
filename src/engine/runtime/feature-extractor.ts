/** A backbone that answers with its features; blocks its thread while it computes. */
import { toOnnx } from '../graph/to-onnx.ts';
import { buildFeatureGraph } from '../nn/feature-graph.ts';
import type { Backbone } from '../nn/transfer.ts';
import { type Tensor, tensor } from '../tensor/tensor.ts';
import { createSession } from './session.ts';

export interface FeatureExtractor {
  /** Most pictures in one call. */
  readonly batchSize: number;
  /**
   * @param pixels uint8 [count, H, W, C] as `preprocess` makes them
   * @returns float32 [count, featureCount]
   */
  extract(pixels: Uint8Array, count: number): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface FeatureExtractorOptions {
  readonly batchSize: number;
  readonly threads: number;
  /** The backbone's weights after fine-tuning; default: as imported. */
  readonly weights?: ReadonlyMap<string, Float32Array>;
}

export const createFeatureExtractor = async (
  backbone: Backbone,
  { batchSize, threads, weights = backbone.weights }: FeatureExtractorOptions,
): Promise<FeatureExtractor> => {
  const { imageSize, channels, featureCount } = backbone;
  const model = toOnnx(buildFeatureGraph(backbone, batchSize), { weights });
  const session = await createSession(model, { threads });
  const shape = [batchSize, imageSize, imageSize, channels];
  const batch = new Uint8Array(batchSize * imageSize * imageSize * channels);
  return {
    batchSize,
    extract: async (pixels, count) => {
      // The graph has one size; what a short batch leaves is computed and thrown away.
      if (count < batchSize) batch.set(pixels);
      const full = count < batchSize ? batch : pixels;
      const { features } = (await session.run({ pixels: tensor('uint8', shape, full) })) as {
        features: Tensor<'float32'>;
      };
      return features.data.slice(0, count * featureCount);
    },
    close: () => session.close(),
  };
};
