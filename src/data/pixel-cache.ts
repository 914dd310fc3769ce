/**
 * Decoded pictures in memory that threads share. A picture is decoded when it is first asked for
 * and kept while the budget lasts; pictures beyond it are decoded each time.
 */
import type { Preprocessing } from '../records/preprocessing.ts';
import { preprocess } from './preprocess.ts';

export interface LabelledPicture {
  /** Class index. */
  readonly label: number;
  /** The picture's bytes, or how to get them. */
  readonly bytes: Uint8Array | (() => Promise<Uint8Array>);
  /** Of the bytes as received, 64 hexadecimal digits: what computed features are cached by. */
  readonly sha256?: string;
}

export interface PixelCache {
  /** uint8 [H, W, C]; lies in `shared` where the picture is kept. */
  pixels(index: number): Promise<Uint8Array>;
  readonly shared: SharedArrayBuffer;
}

const defaultMemoryBudgetBytes = 2 * 1024 ** 3;

/** @param preprocessing the size at which pictures are kept */
export const createPixelCache = (
  pictures: readonly LabelledPicture[],
  preprocessing: Preprocessing,
  memoryBudgetBytes: number = defaultMemoryBudgetBytes,
): PixelCache => {
  const pictureBytes = preprocessing.width * preprocessing.height * preprocessing.channels;
  const slots = Math.min(pictures.length, Math.floor(memoryBudgetBytes / pictureBytes));
  const shared = new SharedArrayBuffer(slots * pictureBytes);
  const kept: Promise<Uint8Array>[] = [];

  const decode = async (index: number): Promise<Uint8Array> => {
    const { bytes } = pictures[index] as LabelledPicture;
    return preprocess(typeof bytes === 'function' ? await bytes() : bytes, preprocessing);
  };
  const decodeInto = async (index: number): Promise<Uint8Array> => {
    const slot = new Uint8Array(shared, index * pictureBytes, pictureBytes);
    slot.set(await decode(index));
    return slot;
  };
  return {
    shared,
    pixels: (index) => {
      if (index >= slots) return decode(index);
      kept[index] ??= decodeInto(index);
      return kept[index];
    },
  };
};
