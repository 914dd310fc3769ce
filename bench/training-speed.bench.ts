/**
 * How fast is a training step beside PyTorch on the same cores? Turns are taken: one process of
 * each, several times, medians of all steps but the first two of each. PyTorch runs as it starts by
 * itself, and once more with the allocator settings of our training processes, which double its
 * speed: it takes fresh pages from the kernel otherwise. The roofline is a 2048³ matrix product in
 * the same PyTorch's BLAS. TensorFlow.js, some thousand times slower on a processor without its C
 * library, joins with few pictures where a folder with it is named.
 *
 * npm run bench -- training-speed [--repeats 3] [--tensorflow-js FOLDER]
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createRandom } from '../src/base/random.ts';
import { type ArchitectureName, architectures } from '../src/engine/nn/architectures.ts';
import { trainingEnvironment } from '../src/engine/runtime/training-environment.ts';
import { createTrainingSession } from '../src/engine/runtime/training-session.ts';
import { describeMachine, median } from './machine.ts';
import { prepareSteps } from './prepare-steps.ts';

const threads = availableParallelism();
const warmup = 2;

/**
 * Floating-point operations of one picture's training step: three passes of two for each product.
 * The first convolution needs no input gradient.
 */
const operations: Readonly<Record<ArchitectureName, number>> = {
  article: 2 * (3 * 354_846_720 - 14_450_688),
  compact: 2 * (3 * 37_969_920 - 1_990_656),
};

const ownSteps = async (name: ArchitectureName, batchSize: number, steps: number) => {
  const engine = { createRandom, architectures, createTrainingSession };
  const session = await prepareSteps(engine, name, batchSize);
  const seconds: number[] = [];
  for (let step = 0; step < steps; step++) seconds.push((await session.step()) / 1000);
  await session.close();
  return { seconds, peakBytes: process.resourceUsage().maxRSS * 1024 };
};

/** A fresh process, with the allocator settings that training children get. */
const runSelf = (name: ArchitectureName, batchSize: number, steps: number) =>
  JSON.parse(
    execFileSync(
      process.execPath,
      [fileURLToPath(import.meta.url), 'steps', name, `${batchSize}`, `${steps}`],
      { env: { ...process.env, ...trainingEnvironment }, encoding: 'utf8' },
    ),
  ) as Awaited<ReturnType<typeof ownSteps>>;

/** Debian's Python, which is the one that has Debian's PyTorch. */
const python = '/usr/bin/python3';

/**
 * Debian's OpenBLAS takes a processor that is newer than itself for an older one, whose products are
 * half as fast (a Zen 5 for a Haswell) or a seventh (an Emerald Rapids for a Prescott of 2004). It is
 * then told of one whose instructions this machine has.
 */
const blasSettings = (): Readonly<Record<string, string>> => {
  const told = spawnSync(python, ['-c', 'import torch'], {
    env: { ...process.env, OPENBLAS_VERBOSE: '2' },
    encoding: 'utf8',
  });
  const [, core] = /^Core: (\w+)/m.exec(`${told.stdout}${told.stderr}`) ?? [];
  const processor = readFileSync('/proc/cpuinfo', 'utf8');
  const best = [
    { instructions: 'avx512f', cores: ['SkylakeX', 'Cooperlake', 'SapphireRapids'] },
    { instructions: 'avx2', cores: ['Haswell', 'Zen'] },
  ].find(({ instructions }) => processor.includes(instructions));
  if (core === undefined || best === undefined || best.cores.includes(core)) return {};
  const [like] = best.cores as [string];
  console.log(`OpenBLAS takes this processor for a ${core}; told that it is like ${like}`);
  return { OPENBLAS_CORETYPE: like };
};

let blas: ReturnType<typeof blasSettings> | undefined;

const runPeer = (
  name: string,
  size: number,
  repeats: number,
  settings: Readonly<Record<string, string>> = {},
): number[] | null => {
  const script = fileURLToPath(new URL('../bench/peers/pytorch_training.py', import.meta.url));
  blas ??= blasSettings();
  const result = spawnSync(python, [script, name, `${size}`, `${repeats}`, `${threads}`], {
    env: { ...process.env, ...blas, ...settings },
    encoding: 'utf8',
  });
  return result.status === 0 ? JSON.parse(result.stdout).seconds : null;
};

/** One warm step of a few pictures, which is all that anybody wants to wait for. */
const runTensorflowJs = (folder: string, name: ArchitectureName, pictures: number): number => {
  const script = fileURLToPath(
    new URL('../bench/peers/tensorflowjs-training.mjs', import.meta.url),
  );
  const printed = execFileSync(process.execPath, [script, folder, name, `${pictures}`, '2'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return pictures / JSON.parse(printed).seconds[1];
};

/** @param roofline GFLOP/s of a large matrix product in the peer's BLAS */
const compare = (
  name: ArchitectureName,
  batchSize: number,
  steps: number,
  repeats: number,
  roofline: number | null,
  tensorflowJs: { readonly folder: string | undefined; readonly pictures: number },
) => {
  const own: number[] = [];
  const peer: number[] = [];
  const tunedPeer: number[] = [];
  let peakBytes = 0;
  for (let turn = 0; turn < repeats; turn++) {
    const result = runSelf(name, batchSize, steps);
    own.push(...result.seconds.slice(warmup));
    peakBytes = Math.max(peakBytes, result.peakBytes);
    peer.push(...(runPeer(name, batchSize, steps)?.slice(warmup) ?? []));
    const tuned = runPeer(name, batchSize, steps, trainingEnvironment);
    tunedPeer.push(...(tuned?.slice(warmup) ?? []));
  }
  const rate = (seconds: readonly number[]) => batchSize / median(seconds);
  const gflops = (rate(own) * operations[name]) / 1e9;
  const share =
    roofline === null ? '' : `, ${((100 * gflops) / roofline).toFixed(0)} % of the roofline`;
  console.log(
    `${name}, batch ${batchSize}: ${rate(own).toFixed(1)} pictures/s (${gflops.toFixed(0)} GFLOP/s${share}), peak memory ${(peakBytes / 1e9).toFixed(2)} GB`,
  );
  if (peer.length === 0) console.log('  skipped: PyTorch is not installed');
  else {
    const beside = (seconds: readonly number[]) =>
      `${rate(seconds).toFixed(1)} pictures/s; ratio ${(rate(own) / rate(seconds)).toFixed(2)}`;
    console.log(`  PyTorch as it starts: ${beside(peer)}`);
    console.log(`  PyTorch with the same allocator settings: ${beside(tunedPeer)}`);
  }
  const { folder, pictures } = tensorflowJs;
  if (folder === undefined) console.log('  skipped: TensorFlow.js, see bench/README.md');
  else {
    const peerRate = runTensorflowJs(folder, name, pictures);
    console.log(
      `  TensorFlow.js in JavaScript, batch ${pictures}: ${peerRate.toPrecision(2)} pictures/s; ratio ${(rate(own) / peerRate).toFixed(0)}`,
    );
  }
};

const [mode, ...rest] = process.argv.slice(2);
if (mode === 'steps') {
  const [name, batchSize, steps] = rest as [ArchitectureName, string, string];
  console.log(JSON.stringify(await ownSteps(name, Number(batchSize), Number(steps))));
} else {
  const { values } = parseArgs({
    options: {
      repeats: { type: 'string', default: '3' },
      'tensorflow-js': { type: 'string' },
    },
  });
  const repeats = Number(values.repeats);
  const folder = values['tensorflow-js'];
  console.log(describeMachine());
  const products = runPeer('sgemm', 2048, 20);
  const roofline = products && (2 * 2048 ** 3) / median(products) / 1e9;
  if (roofline) console.log(`roofline: sgemm 2048³ ${roofline.toFixed(0)} GFLOP/s`);
  compare('article', 32, 10, repeats, roofline, { folder, pictures: 1 });
  compare('compact', 64, 30, repeats, roofline, { folder, pictures: 4 });
}
