/**
 * Reads what a JPEG, PNG or WebP says of itself, without decoding it: the format by its magic
 * bytes, the size, and whether the file reaches its end. Deciding this here keeps the answers to
 * bad pictures independent of a decoder library's wording.
 */
import { Buffer } from 'node:buffer';

export interface ImageHeader {
  readonly format: 'jpeg' | 'png' | 'webp';
  /** As stored, before any orientation; undefined where the header holds no size. */
  readonly size: { readonly width: number; readonly height: number } | undefined;
  /** Colour components as stored; 0 where the header does not say. */
  readonly channels: number;
  /** Passes a decoder makes over the picture (progressive JPEG); 1 elsewhere. */
  readonly scans: number;
  /** The file ends before its format's end mark. */
  readonly cut: boolean;
}

/** @returns undefined where the first bytes belong to none of the three formats */
export const readImageHeader = (bytes: Uint8Array): ImageHeader | undefined => {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.subarray(0, 3).equals(jpegMagic)) return readJpeg(view);
  if (view.subarray(0, 8).equals(pngMagic)) return readPng(view);
  const riff = view.subarray(0, 4).equals(riffMagic);
  return riff && view.subarray(8, 12).equals(webpMagic) ? readWebp(view) : undefined;
};

const jpegMagic = Buffer.from([0xff, 0xd8, 0xff]);
const pngMagic = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const riffMagic = Buffer.from('RIFF');
const webpMagic = Buffer.from('WEBP');

/** Frame headers are C0 to CF, except tables (C4), an extension (C8) and arithmetic tables (CC). */
const isFrameHeader = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

const scanMarker = Buffer.from([0xff, 0xda]);
const endMarker = Buffer.from([0xff, 0xd9]);

const readJpeg = (view: Buffer): ImageHeader => {
  let size: ImageHeader['size'];
  let channels = 0;
  let at = 2;
  while (at + 4 <= view.length && view[at] === 0xff && view[at + 1] !== 0xda) {
    const marker = view[at + 1] as number;
    if (marker === 0xff) {
      at += 1; // Fill bytes may stand before a marker.
      continue;
    }
    if (isFrameHeader(marker) && at + 10 <= view.length) {
      size = { height: view.readUInt16BE(at + 5), width: view.readUInt16BE(at + 7) };
      channels = view[at + 9] as number;
    }
    at += 2 + view.readUInt16BE(at + 2);
  }
  // From the first scan on, FF is stuffed wherever it is no marker, so markers can be searched.
  let scans = 0;
  for (let scan = view.indexOf(scanMarker, at); scan >= 0; scans++) {
    scan = view.indexOf(scanMarker, scan + 2);
  }
  return { format: 'jpeg', size, channels, scans, cut: view.indexOf(endMarker, at) < 0 };
};

/** Channels by PNG colour type: grey, (unused), RGB, palette, grey + alpha, (unused), RGBA. */
const pngChannels = [1, 0, 3, 3, 2, 0, 4];

const readPng = (view: Buffer): ImageHeader => {
  const hasSize = view.length >= 26 && view.toString('latin1', 12, 16) === 'IHDR';
  const size = hasSize
    ? { width: view.readUInt32BE(16), height: view.readUInt32BE(20) }
    : undefined;
  const channels = (hasSize && pngChannels[view[25] as number]) || 0;
  let cut = true;
  for (let at = 8; cut && at + 12 <= view.length; at += 12 + view.readUInt32BE(at)) {
    cut = view.toString('latin1', at + 4, at + 8) !== 'IEND';
  }
  return { format: 'png', size, channels, scans: 1, cut };
};

const readWebp = (view: Buffer): ImageHeader => {
  const cut = view.length < 30 || view.length < 8 + view.readUInt32LE(4);
  const size = view.length < 30 ? undefined : webpSize(view);
  return { format: 'webp', size, channels: 0, scans: 1, cut };
};

const webpSize = (view: Buffer): ImageHeader['size'] => {
  switch (view.toString('latin1', 12, 16)) {
    case 'VP8 ':
      return { width: view.readUInt16LE(26) & 0x3fff, height: view.readUInt16LE(28) & 0x3fff };
    case 'VP8L': {
      const bits = view.readUInt32LE(21);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8X':
      return { width: view.readUIntLE(24, 3) + 1, height: view.readUIntLE(27, 3) + 1 };
    default:
      return undefined;
  }
};
