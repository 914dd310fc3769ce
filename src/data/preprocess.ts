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
