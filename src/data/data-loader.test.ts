import { expect, test } from 'vitest';
import { createRandom } from '../base/random.ts';
import { standardAugmentation } from './augmentation.ts';
import { createDataLoader, type DataLoaderOptions } from './data-loader.ts';
import { encodePng } from './decode-image.ts';
import { createEvaluationBatches } from './evaluation-batches.ts';
import type { LabelledPicture } from './pixel-cache.ts';
import { preprocess } from './preprocess.ts';

const preprocessing = { width: 8, height: 8, channels: 3, fit: 'fill' } as const;

const pictures: LabelledPicture[] = await Promise.all(
  Array.from({ length: 11 }, async (_, index) => {
    const random = createRandom(index);
    const data = Uint8Array.from({ length: 12 * 10 * 3 }, () => random.integer(256));
    const bytes = await encodePng({ width: 12, height: 10, channels: 3, data });
    return { label: index < 8 ? 0 : 1, bytes: index % 2 ? bytes : async () => bytes };
  }),
);

const load = async (steps: number, changes: Partial<DataLoaderOptions> = {}) => {
  const loader = createDataLoader({
    pictures,
    preprocessing,
    augmentation: standardAugmentation,
    batchSize: 4,
    random: createRandom(1),
    balanced: true,
    workers: false,
    ...changes,
  });
  const batches = [];
  for (let step = 0; step < steps; step++) batches.push(await loader.next());
  await loader.close();
  return batches;
};

test('batches have their shape, and classes are drawn equally', async () => {
  for (const { pixels, labels } of await load(3)) {
    expect(pixels).toHaveLength(4 * 8 * 8 * 3);
    expect([...labels].sort()).toEqual([0, 0, 1, 1]);
  }
});

test('the same seed gives the same batches, another seed others', async () => {
  expect(await load(5)).toEqual(await load(5));
  expect(await load(5)).not.toEqual(await load(5, { random: createRandom(2) }));
});

test('the memory budget changes nothing but speed', async () => {
  const onePicture = 10 * 10 * 3;
  expect(await load(6, { memoryBudgetBytes: 0 })).toEqual(await load(6));
  expect(await load(6, { memoryBudgetBytes: 3 * onePicture })).toEqual(await load(6));
});

test('without augmentation, pictures are as serving sees them', async () => {
  const seen = new Set<string>();
  for (const picture of pictures) {
    const { bytes } = picture;
    const pixels = await preprocess(
      typeof bytes === 'function' ? await bytes() : bytes,
      preprocessing,
    );
    seen.add(Buffer.from(pixels).toString('hex'));
  }
  for (const { pixels } of await load(3, { augmentation: null, balanced: false })) {
    for (let at = 0; at < 4; at++) {
      const one = pixels.subarray(at * 192, (at + 1) * 192);
      expect(seen).toContain(Buffer.from(one).toString('hex'));
    }
  }
});

test('a picture is read once while it fits, and again where it does not', async () => {
  let reads = 0;
  const { bytes } = pictures[1] as { bytes: Uint8Array };
  const read = async () => {
    reads++;
    return bytes;
  };
  const counted = [{ label: 0, bytes: read }];
  await load(3, { pictures: counted });
  expect(reads).toBe(1);
  await load(1, { pictures: counted, memoryBudgetBytes: 0 });
  expect(reads).toBeGreaterThan(4);
});

test('a picture that can not be read fails the batch that needs it', async () => {
  const broken = [{ label: 0, bytes: Buffer.from('not a picture') }];
  await expect(load(1, { pictures: broken })).rejects.toMatchObject({ code: 'unsupported_image' });
});

test('no pictures, no loader', async () => {
  await expect(load(1, { pictures: [] })).rejects.toMatchObject({ code: 'no_training_pictures' });
});

test('an epoch covers every picture', () => {
  const loader = createDataLoader({
    pictures,
    preprocessing,
    augmentation: null,
    batchSize: 4,
    random: createRandom(1),
    balanced: false,
  });
  expect(loader.stepsPerEpoch).toBe(3);
});

test('evaluation keeps the order, shortens the last batch and can be repeated', async () => {
  const batches = createEvaluationBatches({ pictures, preprocessing, batchSize: 4 });
  const passes = [];
  for (let pass = 0; pass < 2; pass++) {
    const collected = [];
    for await (const batch of batches) collected.push(batch);
    passes.push(collected);
  }
  expect(passes[0]).toEqual(passes[1]);
  expect(passes[0]?.flatMap(({ labels }) => [...labels])).toEqual(pictures.map((p) => p.label));
  expect(passes[0]?.map(({ pixels }) => pixels.length / 192)).toEqual([4, 4, 3]);
});
