import { availableParallelism } from 'node:os';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeImage, encodeJpeg, encodePng, normalizeImage } from './decode-image.ts';
import { refusalOf } from './image-refusal.ts';

/** PNG's checksum; zlib.crc32 is newer than the oldest Node that Relearn runs on. */
const crc32 = (bytes: Uint8Array) => {
  let value = -1;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return ~value >>> 0;
};

/** A picture with a gradient, so that turning or mirroring it changes it. */
const gradient = (width: number, height: number, channels: 1 | 2 | 3 | 4 = 3) => {
  const data = new Uint8Array(width * height * channels);
  for (let at = 0; at < data.length; at++) {
    const pixel = Math.floor(at / channels);
    const x = (pixel % width) / width;
    const y = Math.floor(pixel / width) / height;
    data[at] = 255 * ([x, y, (x + y) / 2, 1][at % channels] as number);
  }
  return sharp(data, { raw: { width, height, channels } });
};

const pngChunk = (type: string, data: Uint8Array) => {
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, 'latin1');
  chunk.set(data, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return chunk;
};
const pngOf = (width: number, height: number, bits: number, pixels: Uint8Array | undefined) => {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = bits;
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    pngChunk('IHDR', header),
    ...(pixels ? [pngChunk('IDAT', deflateSync(pixels))] : []),
    pngChunk('IEND', new Uint8Array()),
  ]);
};
const bomb = (side: number) => pngOf(side, side, 1, Buffer.alloc(side * (1 + Math.ceil(side / 8))));

const jpeg = await gradient(160, 120).jpeg().toBuffer();
const png = await gradient(160, 120).png().toBuffer();
const webp = await gradient(160, 120).webp().toBuffer();
const half = (bytes: Uint8Array) => bytes.subarray(0, bytes.length >> 1);
const damaged = (bytes: Uint8Array, at: number) => {
  const copy = Buffer.from(bytes);
  for (let index = at; index < at + 8; index++) copy[index] = (copy[index] as number) ^ 0x5a;
  return copy;
};
/** A JPEG whose frame header claims more components than a picture has. */
const manyComponents = (() => {
  const copy = Buffer.from(jpeg);
  const frame = copy.indexOf(Buffer.from([0xff, 0xc0]));
  copy[frame + 9] = 6;
  return copy;
})();
const manyScans = async () => {
  const bytes = await gradient(160, 120).jpeg({ progressive: true }).toBuffer();
  const lastScan = bytes.lastIndexOf(Buffer.from([0xff, 0xda]));
  const scan = bytes.subarray(lastScan, bytes.length - 2);
  const head = bytes.subarray(0, bytes.length - 2);
  return Buffer.concat([head, ...Array<Buffer>(2000).fill(scan), bytes.subarray(-2)]);
};

const refused: readonly (readonly [string, string, () => Uint8Array | Promise<Uint8Array>])[] = [
  ['nothing', 'empty_image', () => new Uint8Array()],
  ['one byte', 'unsupported_image', () => Buffer.from([0xff])],
  ['HTML', 'unsupported_image', () => Buffer.from('<!doctype html><p>hello')],
  ['PDF', 'unsupported_image', () => Buffer.from('%PDF-1.7\n')],
  ['ZIP', 'unsupported_image', () => Buffer.from('PK\u0003\u0004........')],
  ['ELF', 'unsupported_image', () => Buffer.from('\u007fELF..........')],
  ['GIF', 'unsupported_image', () => gradient(8, 8).gif().toBuffer()],
  ['TIFF', 'unsupported_image', () => gradient(8, 8).tiff().toBuffer()],
  ['AVIF', 'unsupported_image', () => gradient(16, 16).avif({ effort: 0 }).toBuffer()],
  [
    'SVG that names a file',
    'unsupported_image',
    () =>
      Buffer.from(
        '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
      ),
  ],
  ['JPEG magic only', 'corrupt_image', () => Buffer.from([0xff, 0xd8, 0xff])],
  ['half a JPEG', 'truncated_image', () => half(jpeg)],
  ['a JPEG without its last two bytes', 'truncated_image', () => jpeg.subarray(0, -2)],
  ['the first 100 bytes of a JPEG', 'truncated_image', () => jpeg.subarray(0, 100)],
  ['half a PNG', 'truncated_image', () => half(png)],
  ['half a WebP', 'truncated_image', () => half(webp)],
  ['flipped entropy bytes', 'corrupt_image', () => damaged(jpeg, jpeg.length - 400)],
  ['a PNG with a bad checksum', 'corrupt_image', () => damaged(png, png.indexOf('IDAT') + 60)],
  ['a PNG without data', 'corrupt_image', () => pngOf(4, 4, 8, undefined)],
  ['a PNG of 0×0', 'corrupt_image', () => pngOf(0, 0, 8, new Uint8Array(1))],
  ['a PNG of 2³¹−1', 'corrupt_image', () => pngOf(2 ** 31 - 1, 2 ** 31 - 1, 8, new Uint8Array(1))],
  ['a 1-bit PNG of 36 megapixels', 'too_many_pixels', () => bomb(6000)],
  ['a 1-bit PNG of 256 megapixels', 'too_many_pixels', () => bomb(16_000)],
  ['a PNG of 70000×1', 'aspect_ratio', () => pngOf(70_000, 1, 8, Buffer.alloc(70_001))],
  ['six components', 'too_many_channels', () => manyComponents],
  ['thousands of scans', 'image_too_complex', manyScans],
];

describe('what can not be used is refused with its code', () => {
  test.each(refused)('%s: %s', async (_, code, make) => {
    const bytes = await make();
    for (const entrance of [decodeImage, normalizeImage]) {
      const failure = await entrance(bytes).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(failure).toMatchObject({ name: 'RelearnError', kind: 'invalid', code });
      expect((failure as Error).message).not.toMatch(/vips|sharp|libpng|libjpeg|buffer/i);
    }
  });
});

test('the blocked loaders stay blocked for the whole process', async () => {
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
  await expect(sharp(svg).toBuffer()).rejects.toThrow();
});

test('no more pictures are decoded at once than there are cores', async () => {
  const picture = await gradient(300, 200).png().toBuffer();
  const all = Array.from({ length: availableParallelism() + 3 }, () =>
    [decodeImage, normalizeImage].map((entrance) => entrance(picture)),
  ).flat();
  await Promise.resolve();
  const { queue, process } = sharp.counters();
  expect(queue + process).toBeGreaterThan(0);
  expect(queue + process).toBeLessThanOrEqual(availableParallelism());
  await Promise.all(all);
});

test('a decoder that runs out of time means a picture that is too complex', () => {
  expect(refusalOf(new Error('timeout: 42% complete'))).toMatchObject({
    code: 'image_too_complex',
  });
  expect(refusalOf(new Error('vipspng: libpng read error'))).toMatchObject({
    code: 'corrupt_image',
  });
});

describe('every kind of pixel becomes 8-bit sRGB', () => {
  const kinds: readonly (readonly [string, () => Promise<Uint8Array>])[] = [
    ['grey', () => gradient(40, 30).toColourspace('b-w').png().toBuffer()],
    ['grey + alpha', () => gradient(40, 30, 4).toColourspace('b-w').png().toBuffer()],
    ['RGBA', () => gradient(40, 30, 4).png().toBuffer()],
    ['palette', () => gradient(40, 30).png({ palette: true }).toBuffer()],
    ['16 bits', () => gradient(40, 30).toColourspace('rgb16').png().toBuffer()],
    ['CMYK', () => gradient(40, 30).toColourspace('cmyk').jpeg().toBuffer()],
    ['WebP with alpha', () => gradient(40, 30, 4).webp().toBuffer()],
    ['JPEG with a trailer', async () => Buffer.concat([jpeg40, Buffer.from('PK<script>')])],
  ];
  let jpeg40: Uint8Array;
  test.each(kinds)('%s', async (_, make) => {
    jpeg40 = await gradient(40, 30).jpeg().toBuffer();
    const picture = await decodeImage(await make());
    expect(picture).toMatchObject({ width: 40, height: 30, channels: 3 });
    expect(picture.data).toHaveLength(40 * 30 * 3);
  });

  test.each([
    [1, 1],
    [4000, 1],
    [1, 65_500],
  ])('%i×%i', async (width, height) => {
    const file = await sharp({ create: { width, height, channels: 3, background: '#fff' } })
      .jpeg()
      .toBuffer();
    expect(await decodeImage(file)).toMatchObject({ width, height });
    expect(await normalizeImage(file)).toMatchObject({ width, height });
  });

  test('only the first frame of an animation counts', async () => {
    const frames = Buffer.concat([Buffer.alloc(300, 255), Buffer.alloc(300, 0)]);
    const animation = await sharp(frames, {
      raw: { width: 10, height: 20, channels: 3, pageHeight: 10 },
    })
      .webp({ lossless: true })
      .toBuffer();
    const { width, height, data } = await decodeImage(animation);
    expect([width, height]).toEqual([10, 10]);
    expect(data.every((value) => value === 255)).toBe(true);
  });
});

test('the eight orientations of one picture decode to the same pixels', async () => {
  const width = 60;
  const height = 40;
  const upright = (await decodeImage(await gradient(width, height).png().toBuffer())).data;
  const right = width - 1;
  const bottom = height - 1;
  // For each EXIF tag, where the stored pixel (x, y) lies in the upright picture.
  const placements: readonly ((x: number, y: number) => readonly [number, number])[] = [
    (x, y) => [x, y],
    (x, y) => [right - x, y],
    (x, y) => [right - x, bottom - y],
    (x, y) => [x, bottom - y],
    (x, y) => [y, x],
    (x, y) => [right - y, x],
    (x, y) => [right - y, bottom - x],
    (x, y) => [y, bottom - x],
  ];
  for (const [index, place] of placements.entries()) {
    const orientation = index + 1;
    const [storedWidth, storedHeight] = orientation < 5 ? [width, height] : [height, width];
    const stored = new Uint8Array(upright.length);
    for (let at = 0; at < stored.length / 3; at++) {
      const [x, y] = place(at % storedWidth, Math.floor(at / storedWidth));
      const from = (y * width + x) * 3;
      stored.set(upright.subarray(from, from + 3), at * 3);
    }
    const file = await sharp(stored, {
      raw: { width: storedWidth, height: storedHeight, channels: 3 },
    })
      .withMetadata({ orientation })
      .png()
      .toBuffer();
    const picture = await decodeImage(file);
    expect(picture, `orientation ${orientation}`).toMatchObject({ width, height });
    expect(Buffer.compare(picture.data, upright), `orientation ${orientation}`).toBe(0);
  }
});

describe('what is stored', () => {
  test('the short side shrinks to 256, never grows', async () => {
    const large = await normalizeImage(await gradient(1200, 600).jpeg().toBuffer());
    expect(large).toMatchObject({ width: 512, height: 256 });
    expect(await normalizeImage(jpeg)).toMatchObject({ width: 160, height: 120 });
  });

  test('carries no metadata and full colour resolution', async () => {
    const file = await gradient(60, 40)
      .withExif({ IFD0: { Copyright: 'someone' }, IFD3: { GPSLatitude: '1/1 2/1 3/1' } })
      .jpeg()
      .toBuffer();
    const { bytes } = await normalizeImage(file);
    const metadata = await sharp(bytes).metadata();
    expect(metadata).toMatchObject({ format: 'jpeg', chromaSubsampling: '4:4:4' });
    expect(metadata.exif ?? metadata.icc ?? metadata.xmp).toBeUndefined();
  });

  test('does not depend on when it is made', async () => {
    const [once, again] = [await normalizeImage(png), await normalizeImage(png)];
    expect(Buffer.compare(once.bytes, again.bytes)).toBe(0);
  });
});

test('encoded pictures decode to what they were', async () => {
  const picture = await decodeImage(png);
  const pngPixels = (await decodeImage(await encodePng(picture))).data;
  expect(Buffer.compare(pngPixels, picture.data)).toBe(0);
  const jpegPixels = (await decodeImage(await encodeJpeg(picture))).data;
  const difference = picture.data.reduce(
    (sum, value, at) => sum + Math.abs(value - (jpegPixels[at] as number)),
    0,
  );
  expect(difference / picture.data.length).toBeLessThan(2);
});
