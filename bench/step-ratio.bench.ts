/**
 * Does a change make a training step faster? Steps of this tree and of another one take turns in one
 * process, so that a machine that changes its speed does so for both. Printed: fastest, quartile and
 * median of each, and the median of the ratios of neighbouring steps; this tree against itself shows
 * how far that can be trusted.
 *
 * npm run bench -- step-ratio TREE [--architecture compact] [--batch 64] [--steps 100]
 */
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { typescriptOptions } from '../scripts/typescript-options.mjs';
import { type ArchitectureName, architectures } from '../src/engine/nn/architectures.ts';
import { describeMachine, median } from './machine.ts';
import { type Engine, prepareSteps } from './prepare-steps.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const warmup = 5;

/** A tree's engine as one module; it lies in this tree, so that both share one ONNX Runtime. */
const loadEngine = async (tree: string, name: string): Promise<Engine> => {
  const outfile = resolve(root, 'dist', `step-ratio-${name}-${process.pid}.js`);
  await build({
    stdin: {
      contents: `
        export { createRandom } from './src/base/random.ts';
        export { architectures } from './src/engine/nn/architectures.ts';
        export { createTrainingSession } from './src/engine/runtime/training-session.ts';`,
      resolveDir: tree,
      loader: 'ts',
    },
    outfile,
    ...typescriptOptions,
  });
  try {
    return await import(pathToFileURL(outfile).href);
  } finally {
    await rm(outfile);
  }
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    architecture: { type: 'string', default: 'compact' },
    batch: { type: 'string', default: '64' },
    steps: { type: 'string', default: '100' },
  },
});
const [other] = positionals;
const name = values.architecture as ArchitectureName;
if (other === undefined || !(name in architectures)) {
  const names = Object.keys(architectures).join(' or ');
  console.error(`usage: npm run bench -- step-ratio TREE [--architecture ${names}]`);
  process.exit(2);
}
console.log(describeMachine());
const trees = { 'this tree': root, [other]: resolve(other) };
const runs = await Promise.all(
  Object.entries(trees).map(async ([label, tree], index) => ({
    label,
    steps: await prepareSteps(await loadEngine(tree, `${index}`), name, Number(values.batch)),
    milliseconds: [] as number[],
  })),
);
for (let turn = 0; turn < Number(values.steps) + warmup; turn++)
  for (const { steps, milliseconds } of turn % 2 ? runs : [...runs].reverse()) {
    const time = await steps.step();
    if (turn >= warmup) milliseconds.push(time);
  }
for (const { label, milliseconds } of runs) {
  const sorted = [...milliseconds].sort((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(share * sorted.length)] as number).toFixed(1);
  console.log(`${label}: fastest ${at(0)} ms, quartile ${at(0.25)}, median ${at(0.5)}`);
}
const [own, others] = runs.map(({ milliseconds }) => milliseconds) as [number[], number[]];
const ratios = own.map((time, turn) => time / (others[turn] as number));
console.log(
  `median of ${ratios.length} ratios of neighbouring steps: ${median(ratios).toFixed(3)}`,
);
process.exit(0);
