/**
 * How fast is a training step on the GPU beside the processor, and what runs where? Says that it was
 * skipped where ONNX Runtime's WebGPU provider finds no adapter.
 *
 * npm run bench -- webgpu [--repeats 5]
 */
import { parseArgs } from 'node:util';
import { createRandom } from '../src/base/random.ts';
import { architectures } from '../src/engine/nn/architectures.ts';
import { openDevice } from '../src/engine/runtime/open-device.ts';
import { createTrainingSession } from '../src/engine/runtime/training-session.ts';
import { type Device, devices } from '../src/records/devices.ts';
import { describeMachine, median } from './machine.ts';

const { values } = parseArgs({ options: { repeats: { type: 'string', default: '5' } } });
console.log(describeMachine());
const { fallback } = await openDevice('webgpu');
if (fallback) {
  console.log(`skipped: ${fallback}`);
  process.exit(0);
}

const millisecondsOn = async (name: 'compact' | 'article', device: Device): Promise<number> => {
  const architecture = architectures[name];
  const { imageSize, channels, recipe } = architecture;
  const { batchSize, optimizer } = recipe.scratch;
  const random = createRandom(1);
  const started = performance.now();
  const session = await createTrainingSession({
    architecture,
    classes: 2,
    batchSize,
    imageSize,
    optimizer,
    random,
    threads: 2,
    device,
    onLine: (line) => console.log(`  ${line}`),
  });
  console.log(`  ready after ${((performance.now() - started) / 1000).toFixed(1)} s`);
  const pixels = Uint8Array.from({ length: batchSize * imageSize ** 2 * channels }, () =>
    random.integer(256),
  );
  const targets = Float32Array.from({ length: 2 * batchSize }, (_, i) => Number(i % 4 < 2));
  await session.step(pixels, targets, 0.001);
  const times: number[] = [];
  for (let i = 0; i < Number(values.repeats); i++) {
    const before = performance.now();
    await session.step(pixels, targets, 0.001);
    times.push(performance.now() - before);
  }
  await session.close();
  console.log(`  ${device}: ${((1000 * batchSize) / median(times)).toFixed(1)} pictures/s`);
  return median(times);
};

for (const name of ['compact', 'article'] as const) {
  console.log(`${name}, batch ${architectures[name].recipe.scratch.batchSize}`);
  const times: number[] = [];
  for (const device of devices) times.push(await millisecondsOn(name, device));
  const [cpu = Number.NaN, webgpu = Number.NaN] = times;
  console.log(`  webgpu is ${(cpu / webgpu).toFixed(2)} × as fast as the cpu`);
}
