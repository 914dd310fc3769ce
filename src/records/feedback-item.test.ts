import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeFeedbackItem, encodeFeedbackItem, type FeedbackItem } from './feedback-item.ts';

const item: FeedbackItem = {
  header: {
    formatVersion: 1,
    sha256: 'ab'.repeat(32),
    labelId: 'label-1',
    receivedAt: '2026-01-01T00:00:00.000Z',
    source: '名前',
    width: 3,
    height: 2,
    encoder: 'jpeg-95',
    predictionId: 'p1',
    verdict: 'right',
  },
  image: Buffer.from([0xff, 0xd8, 1, 2, 3]),
};
const bytes = encodeFeedbackItem(item);

it('comes back as it was written', () => {
  const { header, image } = decodeFeedbackItem(bytes, 'k');
  expect(header).toEqual(item.header);
  expect(Buffer.from(image)).toEqual(item.image);
});

it('comes back from the middle of a larger buffer', () => {
  const shifted = Buffer.concat([Buffer.from('xyz'), bytes, Buffer.from('xyz')]);
  const { header } = decodeFeedbackItem(shifted.subarray(3, 3 + bytes.length), 'k');
  expect(header).toEqual(item.header);
});

it('is refused when cut anywhere', () => {
  for (let length = 0; length < bytes.length; length++) {
    expect(() => decodeFeedbackItem(bytes.subarray(0, length), 'feedback/cat/x')).toThrow(
      expect.objectContaining({ kind: 'corrupt', code: 'corrupt_feedback' }),
    );
  }
});

it('is refused when any bit is flipped', () => {
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(7), (position, bit) => {
      const flipped = Uint8Array.from(bytes);
      flipped[position] = (flipped[position] ?? 0) ^ (1 << bit);
      expect(() => decodeFeedbackItem(flipped, 'k')).toThrow(
        expect.objectContaining({ code: 'corrupt_feedback' }),
      );
    }),
  );
});

it('is refused whatever bytes come', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      expect(() => decodeFeedbackItem(noise, 'k')).toThrow(/damaged/);
    }),
  );
});
