/**
 * Names what computes features: the imported file, its weights (which fine-tuning changes) and the
 * way of a picture to the network's input. What the name stands for answers alike for ever.
 */
import { createHash } from 'node:crypto';
import type { Preprocessing } from '../records/preprocessing.ts';

/** Raised when decoding or resizing pictures changes. */
const pipeline = 1;

export interface Extractor {
  /** SHA-256 of the imported file. */
  readonly file: string;
  readonly weights: ReadonlyMap<string, Float32Array>;
  readonly preprocessing: Preprocessing;
  /** Mean features of a picture and its mirror image. */
  readonly mirror: boolean;
}

/** @returns SHA-256, 64 hexadecimal digits */
export const hashExtractor = ({ file, weights, preprocessing, mirror }: Extractor): string => {
  const { width, height, channels, fit } = preprocessing;
  const hash = createHash('sha256').update(
    JSON.stringify([pipeline, file, width, height, channels, fit, ...(mirror ? ['mirror'] : [])]),
  );
  for (const name of [...weights.keys()].sort()) {
    const { buffer, byteOffset, byteLength } = weights.get(name) as Float32Array;
    hash.update(name).update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest('hex');
};
