/** Pictures that tests send: good ones, broken ones and traps. */
import { deflateSync } from 'node:zlib';
import { encodeJpeg, encodePng, type Picture } from '../src/data/decode-image.ts';

/** One grey level with a slight pattern, so that pictures of different levels differ everywhere. */
export const shade = (level: number, side = 64): Picture => ({
  width: side,
  height: side,
  channels: 3,
  data: Uint8Array.from(
    { length: side * side * 3 },
    (_, at) => level + ((at * 7 + Math.floor(at / side)) % 11),
  ),
});

export const darkJpeg = await encodeJpeg(shade(30));
export const brightJpeg = await encodeJpeg(shade(215));
export const darkPng = await encodePng(shade(30));

export const dataUrlOf = (bytes: Uint8Array, type = 'image/jpeg'): string =>
  `data:${type};base64,${Buffer.from(bytes).toString('base64')}`;

/** PNG's checksum; `zlib.crc32` is newer than the oldest Node that Relearn runs on. */
const crc32 = (bytes: Uint8Array): number => {
  let value = -1;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return ~value >>> 0;
};

export const pngChunk = (type: string, data: Uint8Array): Buffer => {
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, 'latin1');
  chunk.set(data, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return chunk;
};

const pngMagic = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

const pngHeader = (width: number, height: number): Buffer => {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1;
  return pngChunk('IHDR', header);
};

/** A black PNG of one bit a pixel: a few kilobytes that unfold to many pixels. */
export const blackPng = (width: number, height: number, extra: readonly Buffer[] = []): Buffer => {
  return Buffer.concat([
    pngMagic,
    pngHeader(width, height),
    ...extra,
    pngChunk('IDAT', deflateSync(Buffer.alloc(height * (1 + Math.ceil(width / 8))))),
    pngChunk('IEND', new Uint8Array()),
  ]);
};

export const pngText = (text: string): Buffer => pngChunk('tEXt', Buffer.from(`note\0${text}`));

/** A PNG that says how large it is and then holds nothing of it. */
export const headerOnlyPng = (width: number, height: number): Buffer =>
  Buffer.concat([pngMagic, pngHeader(width, height), pngChunk('IEND', new Uint8Array())]);

/** The same bytes with eight of them changed from `at` on. */
export const damaged = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, index) => (index >= at && index < at + 8 ? byte ^ 0x5a : byte));
