/**
 * Decodes and encodes pictures. The only importer of sharp: every picture from outside passes
 * through here, under one set of limits, and only JPEG, PNG and WebP are ever tried.
 */
import { availableParallelism } from 'node:os';
import sharp, { type Sharp } from 'sharp';
import { takeTurns } from '../base/take-turns.ts';
import { type ImageHeader, readImageHeader } from './image-header.ts';
import { refusalOf, refuse } from './image-refusal.ts';

sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['VipsForeignLoadJpegBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadWebpBuffer'],
});
// One thread for each picture: pictures are decoded side by side instead.
sharp.concurrency(1);
sharp.cache(false);

/** sRGB, 8 bits a channel. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 3;
  /** uint8 [height, width, 3]. */
  readonly data: Uint8Array;
}

export interface DecodeLimits {
  /** Most pixels, width × height, as stored. */
  readonly maxPixels: number;
  /** Most seconds of work on one picture, in real time: the machine may have other work too. */
  readonly seconds: number;
}

export const defaultDecodeLimits: DecodeLimits = { maxPixels: 24_000_000, seconds: 4 };

/** Pictures are kept with a short side of at most this; smaller ones keep their size. */
const storedShortSide = 256;
/** JPEG, the form in which pictures are kept, can't be longer. */
const longestSide = 65_500;
/** libpng's own limit; a header beyond it is damage, not a large picture. */
const sanePngSide = 1_000_000;
/** A file with less than this was not cut while copied: it holds nothing but its magic bytes. */
const shortestHeader = 24;
const maxChannels = 5;
/** An encoder writes about ten; thousands are made to keep a decoder busy. */
const maxScans = 100;

/**
 * More at once than there are cores would be no faster, and good pictures would run out of time
 * beside each other.
 */
const inTurn = takeTurns(availableParallelism());

/** What is wrong according to the header alone, before a decoder sees a byte. */
const checkHeader = (bytes: Uint8Array, limits: DecodeLimits): ImageHeader => {
  if (bytes.length === 0) throw refuse('empty_image');
  const header = readImageHeader(bytes);
  if (header === undefined) throw refuse('unsupported_image');
  const { format, size, channels, scans, cut } = header;
  if (size === undefined) {
    throw refuse(cut && bytes.length >= shortestHeader ? 'truncated_image' : 'corrupt_image');
  }
  const longest = Math.max(size.width, size.height);
  if (size.width === 0 || size.height === 0) throw refuse('corrupt_image');
  if (format === 'png' && longest > sanePngSide) throw refuse('corrupt_image');
  if (channels > maxChannels) throw refuse('too_many_channels');
  if (size.width * size.height > limits.maxPixels) throw refuse('too_many_pixels');
  if (longest > longestSide) throw refuse('aspect_ratio');
  if (scans > maxScans) throw refuse('image_too_complex');
  if (cut) throw refuse('truncated_image');
  return header;
};

/**
 * The one pipeline that every picture from outside passes: upright, short side at most 256, alpha
 * removed, sRGB. The resize stands first after the input so that JPEGs are shrunk while loading.
 */
const upright = (bytes: Uint8Array, limits: DecodeLimits): Sharp => {
  checkHeader(bytes, limits);
  return sharp(bytes, {
    limitInputPixels: limits.maxPixels,
    limitInputChannels: maxChannels,
    failOn: 'warning',
    unlimited: false,
    pages: 1,
  })
    .timeout({ seconds: limits.seconds })
    .autoOrient()
    .resize(storedShortSide, storedShortSide, { fit: 'outside', withoutEnlargement: true })
    .removeAlpha()
    .toColourspace('srgb');
};

/**
 * Decodes a JPEG, PNG or WebP: upright, in sRGB without alpha, short side shrunk to at most 256,
 * the first frame where there are several.
 * @throws RelearnError invalid/`empty_image`, `unsupported_image`, `corrupt_image`,
 *   `truncated_image`, `too_many_pixels`, `too_many_channels`, `image_too_complex`, `aspect_ratio`
 */
export const decodeImage = async (
  bytes: Uint8Array,
  limits: DecodeLimits = defaultDecodeLimits,
): Promise<Picture> => {
  const pipeline = upright(bytes, limits).raw();
  try {
    const { data, info } = await inTurn(() => pipeline.toBuffer({ resolveWithObject: true }));
    return { width: info.width, height: info.height, channels: 3, data };
  } catch (cause) {
    throw refusalOf(cause);
  }
};

export interface NormalizedImage {
  /** JPEG without metadata. */
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
}

const storedForm = { quality: 95, chromaSubsampling: '4:4:4' } as const;

/**
 * What is stored of a picture: the picture that decodeImage answers, as JPEG of quality 95, 4:4:4,
 * no metadata.
 * @throws as decodeImage
 */
export const normalizeImage = async (
  bytes: Uint8Array,
  limits: DecodeLimits = defaultDecodeLimits,
): Promise<NormalizedImage> => {
  const pipeline = upright(bytes, limits).jpeg(storedForm);
  try {
    const { data, info } = await inTurn(() => pipeline.toBuffer({ resolveWithObject: true }));
    return { bytes: data, width: info.width, height: info.height };
  } catch (cause) {
    throw refusalOf(cause);
  }
};

const fromPixels = ({ width, height, channels, data }: Picture): Sharp =>
  sharp(data, { raw: { width, height, channels } });

/** Squeezes a picture to width × height. @returns uint8 [height, width, channels], 1 = grey */
export const resizePicture = async (
  picture: Picture,
  { width, height, channels }: { width: number; height: number; channels: 1 | 3 },
): Promise<Uint8Array> =>
  fromPixels(picture)
    .resize(width, height, { fit: 'fill' })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw()
    .toBuffer();

/** @param quality 1..100 */
export const encodeJpeg = async (picture: Picture, quality = 95): Promise<Uint8Array> =>
  fromPixels(picture)
    .jpeg({ ...storedForm, quality })
    .toBuffer();

export const encodePng = async (picture: Picture): Promise<Uint8Array> =>
  fromPixels(picture).png().toBuffer();
