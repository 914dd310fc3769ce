/** From a picture's bytes to a model's input: the one path that serving and training share. */
import type { Preprocessing } from '../records/preprocessing.ts';
import {
  type DecodeLimits,
  decodeImage,
  defaultDecodeLimits,
  resizePicture,
} from './decode-image.ts';

/**
 * Decodes as decodeImage does, which is also how pictures are stored, then squeezes to the model's
 * size. Two steps, so that the received bytes and their stored form take the same way from the
 * shrunk picture on.
 * @returns uint8 [H, W, C]
 * @throws as decodeImage
 */
export const preprocess = async (
  bytes: Uint8Array,
  preprocessing: Preprocessing,
  limits: DecodeLimits = defaultDecodeLimits,
): Promise<Uint8Array> => resizePicture(await decodeImage(bytes, limits), preprocessing);

const fractions = Float32Array.from({ length: 256 }, (_, value) => value / 255);

/** uint8 [N, H, W, C] → float32 [N, C, H, W] in 0..1. */
export const toModelInput = (
  pixels: Uint8Array,
  count: number,
  { width, height, channels }: Preprocessing,
): Float32Array => {
  const plane = width * height;
  const input = new Float32Array(count * channels * plane);
  for (let picture = 0; picture < count; picture++) {
    const start = picture * channels * plane;
    for (let channel = 0; channel < channels; channel++) {
      const to = start + channel * plane;
      for (let at = 0, from = start + channel; at < plane; at++, from += channels) {
        input[to + at] = fractions[pixels[from] as number] as number;
      }
    }
  }
  return input;
};
