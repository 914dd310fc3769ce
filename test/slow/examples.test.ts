/** The examples run as their README says, and the whole loop ends in a better champion. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { architectures } from '../../src/engine/nn/architectures.ts';
import { describeModel, writeModel } from '../../src/engine/nn/model-file.ts';
import { buildServingGraph } from '../../src/engine/nn/serving-graph.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Rejects where the example exits with anything but 0. */
const runExample = async (name: string, ...words: readonly string[]): Promise<string> => {
  const args = ['scripts/run-typescript.mjs', `examples/${name}.ts`, ...words];
  return (await promisify(execFile)(process.execPath, args, { cwd: root })).stdout;
};

it('01-whole-loop promotes a second version', async () => {
  expect(await runExample('01-whole-loop')).toContain("verdict: 'promote'");
});

it('03-own-store counts what feedback costs', async () => {
  const output = await runExample('03-own-store');
  expect(output).toMatch(/the first time: accepted .*putIfAbsent: 1/);
  expect(output).toMatch(/the second time: duplicate (?!.*putIfAbsent)/);
});

it('04-inspect-gradient-graph prints both gradients', async () => {
  const output = await runExample('04-inspect-gradient-graph');
  expect(output).toContain('output gradient of weight = ');
  expect(output).toContain('output gradient of bias = ');
});

it('05-change-classes writes a model of other classes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-example-'));
  const { parameters } = buildServingGraph(architectures.compact, { classes: 2, imageSize: 32 });
  const random = createRandom(1);
  const model = writeModel({
    architecture: 'compact',
    labels: ['cat', 'dog'],
    preprocessing: { width: 32, height: 32, channels: 3, fit: 'fill' },
    readout: { mirror: true, temperature: 1 },
    weights: new Map(parameters.map(({ value, initialize }) => [value.name, initialize(random)])),
  });
  const [from, to] = [join(folder, 'model.onnx'), join(folder, 'changed.onnx')];
  await writeFile(from, model);
  expect(await runExample('05-change-classes', from, to)).toContain(
    'cat, dog -> bird, kitten, dog',
  );
  expect(describeModel(await readFile(to)).labels).toEqual(['bird', 'kitten', 'dog']);
  await rm(folder, { recursive: true });
});
