/** From a picture's bytes to a model's input: the one path that serving and training share. */
import type { Preprocessing } from '../records/preprocessing.ts';

/** uint8 [H, W, C]. */
export declare const preprocess: (
  bytes: Uint8Array,
  preprocessing: Preprocessing,
) => Promise<Uint8Array>;

/** uint8 [N, H, W, C] → float32 [N, C, H, W] in 0..1. */
export declare const toModelInput: (
  pixels: Uint8Array,
  count: number,
  preprocessing: Preprocessing,
) => Float32Array;
