/** A small picture of one grey, for tests that look at no pixel: another level, another picture. */
import { encodeJpeg } from '../src/data/decode-image.ts';

const side = 8;

/** @param level 0..255; levels a few apart give other bytes */
export const greyJpeg = (level: number): Promise<Uint8Array> => {
  const data = new Uint8Array(side * side * 3).fill(level);
  return encodeJpeg({ width: side, height: side, channels: 3, data });
};
