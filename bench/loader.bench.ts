/**
 * Does the training step wait for pictures? Prints what the loader alone delivers and costs, then
 * trains `compact` on real pictures and prints the share of time that is spent in steps, and what a
 * step costs with and without a loader beside it. Pictures are kept decoded from their first use
 * on, so the first epoch stands for itself.
 *
 * npm run bench -- loader [FOLDER] [--pictures 2000] [--epochs 4]
 */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { createRandom } from '../src/base/random.ts';
import { standardAugmentation } from '../src/data/augmentation.ts';
import { createDataLoader } from '../src/data/data-loader.ts';
import { normalizeImage } from '../src/data/decode-image.ts';
import { openPictureSource } from '../src/data/picture-source.ts';
import type { LabelledPicture } from '../src/data/pixel-cache.ts';
import { architectures } from '../src/engine/nn/architectures.ts';
import { smoothedTargets } from '../src/engine/nn/losses.ts';
import { createTrainingSession } from '../src/engine/runtime/training-session.ts';
import { describeMachine, median } from './machine.ts';
import { runInTrainingEnvironment } from './training-environment.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pictures: { type: 'string', default: '2000' },
    epochs: { type: 'string', default: '4' },
  },
});
const folder = positionals[0] ?? '../shared/data/dogs-vs-cats';
if (!existsSync(folder)) {
  console.log(`skipped: no pictures at ${folder}`);
  process.exit(0);
}
runInTrainingEnvironment();

const batchSize = 64;
const { imageSize, channels, recipe } = architectures.compact;
const preprocessing = { width: imageSize, height: imageSize, channels, fit: 'fill' } as const;

/** As the store keeps them. */
const readPictures = async (count: number): Promise<readonly LabelledPicture[]> => {
  const pictures: LabelledPicture[] = [];
  for await (const item of openPictureSource([folder], { ids: [0, Math.ceil(count / 2) - 1] })) {
    if (!('read' in item)) continue;
    const { bytes } = await normalizeImage(await item.read());
    pictures.push({ label: item.label === 'cat' ? 0 : 1, bytes });
  }
  return pictures;
};

const createLoader = (pictures: readonly LabelledPicture[]) =>
  createDataLoader({
    pictures,
    preprocessing,
    augmentation: standardAugmentation,
    batchSize,
    random: createRandom(1),
    balanced: true,
  });

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

const measureLoader = async (pictures: readonly LabelledPicture[], epochs: number) => {
  const loader = createLoader(pictures);
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const [started, before] = [performance.now(), process.cpuUsage()];
    for (let step = 0; step < loader.stepsPerEpoch; step++) await loader.next();
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(before);
    const count = loader.stepsPerEpoch * batchSize;
    console.log(
      `loader alone, epoch ${epoch}: ${(count / seconds).toFixed(0)} pictures/s, ${((user + system) / 1000 / count).toFixed(2)} ms of processor time a picture`,
    );
  }
  await loader.close();
};

const measureTraining = async (pictures: readonly LabelledPicture[], epochs: number) => {
  const session = await createTrainingSession({
    architecture: architectures.compact,
    classes: 2,
    batchSize,
    imageSize,
    optimizer: recipe.scratch.optimizer,
    random: createRandom(1),
    threads: availableParallelism(),
  });
  const targetsOf = (labels: Int32Array) => smoothedTargets(labels, 2, 0.1);
  const loader = createLoader(pictures);
  const first = await loader.next();
  const alone: number[] = [];
  for (let step = 0; step < 40; step++) {
    const started = performance.now();
    await session.step(first.pixels, targetsOf(first.labels), 1e-3);
    alone.push(performance.now() - started);
  }
  console.log(`compact, batch ${batchSize}: a step without loader ${median(alone).toFixed(1)} ms`);
  const total = { waited: 0, wall: 0 };
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const started = performance.now();
    let waited = 0;
    const steps: number[] = [];
    for (let step = 0; step < loader.stepsPerEpoch; step++) {
      const asked = performance.now();
      const { pixels, labels } = await loader.next();
      const given = performance.now();
      waited += given - asked;
      await session.step(pixels, targetsOf(labels), 1e-3);
      steps.push(performance.now() - given);
    }
    const wall = performance.now() - started;
    total.waited += waited;
    total.wall += wall;
    console.log(
      `  epoch ${epoch}: busy ${percent(1 - waited / wall)}, a step ${median(steps).toFixed(1)} ms, ${((1000 * steps.length * batchSize) / wall).toFixed(0)} pictures/s`,
    );
  }
  console.log(`  all epochs: busy ${percent(1 - total.waited / total.wall)}`);
  await loader.close();
  await session.close();
};

console.log(describeMachine());
const pictures = await readPictures(Number(values.pictures));
console.log(`${pictures.length} pictures, ${imageSize}×${imageSize}, standard augmentation`);
await measureLoader(pictures, 3);
await measureTraining(pictures, Number(values.epochs));
