/** Features of many pictures: what is kept when the work breaks off. */
import { expect, it } from 'vitest';
import { sha256 } from '../base/hash.ts';
import { encodePng } from '../data/decode-image.ts';
import { createFeatureCache } from '../data/feature-cache.ts';
import type { LabelledPicture } from '../data/pixel-cache.ts';
import type { FeatureExtractor } from '../engine/runtime/feature-extractor.ts';
import { createMemoryStore } from '../storage/memory.ts';
import { collectFeatures } from './collect-features.ts';

const preprocessing = { width: 1, height: 1, channels: 1, fit: 'fill' } as const;
const featureCount = 1;

/** A picture's only feature is its only pixel; breaks off after so many. */
const extractorThatStopsAfter = (most: number): FeatureExtractor => {
  let seen = 0;
  return {
    batchSize: 8,
    parallel: 1,
    extract: async (pixels) => {
      seen += pixels.length;
      if (seen > most) throw new Error('killed');
      return Float32Array.from(pixels);
    },
    close: async () => {},
  };
};

it('keeps what was computed when it is stopped, and computes only the rest the next time', async () => {
  const bytes = await Promise.all(
    Array.from({ length: 256 }, (_, grey) =>
      encodePng({ width: 1, height: 1, channels: 3, data: new Uint8Array(3).fill(grey) }),
    ),
  );
  const pictures = Array.from({ length: 2600 }, (_, id): LabelledPicture => {
    return { label: 0, bytes: bytes[id % 256] as Uint8Array, sha256: sha256(Buffer.from(`${id}`)) };
  });
  const store = createMemoryStore();
  const collect = (most: number) =>
    collectFeatures({
      pictures,
      preprocessing,
      featureCount,
      cache: createFeatureCache(store, sha256(Buffer.from('extractor')), featureCount),
      openExtractor: async () => extractorThatStopsAfter(most),
    });
  await expect(collect(2500)).rejects.toThrow('killed');
  const { features, computed } = await collect(2600);
  expect(computed).toBeLessThan(2600 - 1000);
  expect(features).toEqual(Float32Array.from(pictures, (_, id) => id % 256));
});
