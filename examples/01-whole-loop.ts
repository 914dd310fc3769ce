/**
 * The whole loop through the library, in reading order: pictures in, a first model, feedback, a
 * training that the store asks for, the gate, a better champion. Exits with 1 if the better
 * champion is not there or not good enough.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '../src/base/random.ts';
import { paintDemoPictures, writePictures } from '../src/demo/demo-pictures.ts';
import { createRelearn, initStore } from '../src/index.ts';

const leastAccuracy = 0.8;
const folder = await mkdtemp(join(tmpdir(), 'relearn-example-'));
const store = join(folder, 'store');

// Cats and dogs that nobody photographed; with your own pictures this step is not needed.
const pictures = await paintDemoPictures({
  sizes: { base: 900, feedback: 600, samples: 1 },
  pixels: 64,
  random: createRandom(1),
  signal: new AbortController().signal,
  onProgress: () => {},
});
const list = await writePictures(join(folder, 'pictures'), pictures.base);

// A store remembers its settings for life.
await initStore({ store, labels: ['cat', 'dog'], imageSize: 64, holdout: 0.4, threshold: 250 });
const relearn = await createRelearn({ store });

// A fixed share of what is imported becomes the holdout. No version ever learns from it.
const imported = await relearn.importPictures([list]);
console.log('imported', imported.perLabel);

// The first model is promoted because there is no other.
const first = await relearn.train({ seed: 1, rounds: 8, steps: 20, patience: 8 });
console.log(`version ${first.version}: ${first.holdout.accuracy.toFixed(3)}`);

// It answers.
for (const sample of pictures.samples) {
  const { label, result, version } = await relearn.predict(await sample.read());
  console.log(`version ${version} says ${label} of a ${sample.label}`, result);
}

// People correct it. Each answer is durable before the call returns.
for (const { label, read } of pictures.feedback) {
  await relearn.collectFeedback({ picture: await read(), target: label, source: 'example' });
}

// Any event is a hint to look at the store; it trains because every label has its threshold.
const { result } = await relearn.considerTraining();
const { champion, versions } = await relearn.models.list();
console.log(result, versions);

await relearn.close();
await rm(folder, { recursive: true });

const best = versions.find(({ version }) => version === champion);
const isBetter = champion === 2 && (best?.accuracy ?? 0) >= leastAccuracy;
if (!isBetter) console.error(`the champion should be version 2, right in ${leastAccuracy} or more`);
process.exitCode = isBetter ? 0 : 1;
