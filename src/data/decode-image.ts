/** The only importer of sharp. */

/** sRGB, 8 bits a channel. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 3;
  /** uint8 [height, width, 3]. */
  readonly data: Uint8Array;
}

export interface DecodeLimits {
  /** width × height, default 24 million. */
  readonly maxPixels: number;
  /** Most seconds libvips may work on one picture, default 2. */
  readonly seconds: number;
}

export declare const defaultDecodeLimits: DecodeLimits;
/** Upright, short side shrunk to at most 256. */
export declare const decodeImage: (bytes: Uint8Array, limits?: DecodeLimits) => Promise<Picture>;
export interface NormalizedImage {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
}
/** What is stored: decodeImage's picture as JPEG, quality 95, 4:4:4, no metadata. */
export declare const normalizeImage: (
  bytes: Uint8Array,
  limits?: DecodeLimits,
) => Promise<NormalizedImage>;
export declare const encodeJpeg: (picture: Picture, quality?: number) => Promise<Uint8Array>;
export declare const encodePng: (picture: Picture) => Promise<Uint8Array>;
