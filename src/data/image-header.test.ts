import sharp from 'sharp';
import { expect, test } from 'vitest';
import { readImageHeader } from './image-header.ts';

const blank = (channels: 3 | 4) =>
  sharp({ create: { width: 37, height: 23, channels, background: '#369' } });

test.each([
  ['jpeg', () => blank(3).jpeg(), 3],
  ['jpeg', () => blank(3).jpeg({ progressive: true }), 3],
  ['jpeg', () => blank(3).toColourspace('b-w').jpeg(), 1],
  ['jpeg', () => blank(3).toColourspace('cmyk').jpeg(), 4],
  ['png', () => blank(4).png(), 4],
  ['png', () => blank(3).png({ palette: true }), 3],
  ['webp', () => blank(3).webp(), 0],
  ['webp', () => blank(3).webp({ lossless: true }), 0],
  ['webp', () => blank(4).withMetadata({ orientation: 6 }).webp(), 0],
] as const)('%s %#: size and end', async (format, make, channels) => {
  const bytes = await make().toBuffer();
  const header = readImageHeader(bytes);
  expect(header).toMatchObject({ format, size: { width: 37, height: 23 }, channels, cut: false });
  expect(readImageHeader(bytes.subarray(0, bytes.length - 3))?.cut).toBe(true);
});

test('the scans of a progressive JPEG are counted', async () => {
  const progressive = await blank(3).jpeg({ progressive: true }).toBuffer();
  expect(readImageHeader(progressive)?.scans).toBeGreaterThan(3);
  expect(readImageHeader(await blank(3).jpeg().toBuffer())?.scans).toBe(1);
});

test.each(['', 'GIF89a', '<svg/>', 'RIFF....WAVE', '\u0089PNG'])(
  '%j is none of the three',
  (text) => {
    expect(readImageHeader(Buffer.from(text, 'latin1'))).toBeUndefined();
  },
);

test('every prefix of every format is read without an exception', async () => {
  for (const file of [blank(3).jpeg(), blank(4).png(), blank(3).webp()]) {
    const bytes = await file.toBuffer();
    for (let length = 0; length < bytes.length; length++) {
      const header = readImageHeader(bytes.subarray(0, length));
      expect(header?.cut ?? true).toBe(true);
    }
  }
});
