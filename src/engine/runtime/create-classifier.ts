/** A classifier in this thread: loads a model file and answers, blocking while it computes. */
import { RelearnError } from '../../base/errors.ts';
import { describeModel } from '../nn/model-file.ts';
import { softmaxRows } from '../tensor/reduce.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import type { Classifier } from './classifier.ts';
import { createSession } from './session.ts';

/** @throws RelearnError corrupt/`invalid_model_file` */
export const createClassifier = async (
  model: Uint8Array,
  { threads = 1 }: { readonly threads?: number } = {},
): Promise<Classifier> => {
  const { labels, preprocessing, readout } = describeModel(model);
  const { width, height, channels } = preprocessing;
  const session = await createSession(model, { threads });
  return {
    labels,
    preprocessing,
    temperature: readout.temperature,
    classify: async (pixels, count) => {
      const images = float32([count, channels, height, width], toImages(pixels, count, channels));
      const { logits } = (await session.run({ images })) as { logits: Tensor<'float32'> };
      const complete = logits.data.length === count * labels.length;
      if (!complete || !logits.data.every(Number.isFinite)) {
        throw new RelearnError(
          'internal',
          'model_output_invalid',
          'The model answered with numbers that are not finite, or too few of them.',
          { hint: 'Roll back to the version before: relearn models rollback' },
        );
      }
      return softmaxRows(logits.data, labels.length);
    },
    close: () => session.close(),
  };
};

/** uint8 [N,H,W,C] → float32 [N,C,H,W] in 0..1. */
export const toImages = (pixels: Uint8Array, count: number, channels: number): Float32Array => {
  const images = new Float32Array(pixels.length);
  writeImages(pixels, count, channels, images);
  return images;
};

/** The same into memory that is there. */
export const writeImages = (
  pixels: Uint8Array,
  count: number,
  channels: number,
  images: Float32Array,
): void => {
  const area = pixels.length / count / channels;
  for (let n = 0; n < count; n++) {
    const picture = n * area * channels;
    for (let c = 0; c < channels; c++) {
      const plane = picture + c * area;
      for (let i = 0, from = picture + c; i < area; i++, from += channels)
        images[plane + i] = (pixels[from] as number) / 255;
    }
  }
};
