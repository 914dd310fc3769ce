/**
 * Builds the package into dist/: the program's entries by esbuild, the page by Vite (only when its
 * sources changed), the library's type declarations by tsc. All files lie flat in dist/, so that
 * `new URL('./training-child.js', import.meta.url)` finds a neighbour from every chunk.
 *
 * node scripts/build.mjs --self-contained FOLDER   writes program and page to FOLDER/dist, with every
 * package built in that is not native code: what a container image or a function needs.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { bundleFeedback } from './bundle-feedback.mjs';
import { bundleOptions, root } from './bundle-options.mjs';
import { nativePackages } from './native-packages.mjs';

const dist = join(root, 'dist');

const readJson = async (path) => JSON.parse(await readFile(path, 'utf8'));
const packageJson = await readJson(join(root, 'package.json'));

/** Output name → source. Workers and child processes are entries, because they are started by file name. */
const entries = {
  cli: 'src/cli/main.ts',
  index: 'src/index.ts',
  'training-child': 'src/loop/training/training-child.ts',
  'classifier-worker': 'src/engine/runtime/classifier-worker.ts',
  'augment-worker': 'src/data/augment-worker.ts',
  'feature-worker': 'src/engine/runtime/feature-worker.ts',
  'functions-predict': 'src/functions/predict.ts',
  'functions-train': 'src/functions/train.ts',
};

/** Runs one of node_modules' programs and shows its output only if it fails. */
const run = (program, args) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, 'node_modules', program), ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${program} failed:\n${output}`)),
    );
  });

/** A program that runs on the last build may still load a part of it: milliseconds of grace. */
const staleAfter = 3_600_000;

/** What both forms of the program share. */
const programOptions = {
  ...bundleOptions,
  entryPoints: entries,
  // For Node it has CommonJS only, whose calls of require() find nothing in a module.
  alias: { yaml: join(root, 'node_modules/yaml/browser/index.js') },
  chunkNames: 'chunk-[hash]',
};

const finishProgram = async (folder, inputs) => {
  await chmod(join(folder, 'cli.js'), 0o755);
  await writeFile(join(folder, 'THIRD-PARTY.txt'), await licencesOf(inputs));
};

const buildProgram = async () => {
  const { metafile } = await build({
    ...programOptions,
    outdir: 'dist',
    // What is installed with the package stays outside; what is only used here is built in, and so
    // is zod, which is installed for the library's types: one file is read faster than hundreds.
    external: Object.keys(packageJson.dependencies).filter((name) => name !== 'zod'),
    sourcemap: 'linked',
    sourcesContent: false,
  });
  // Alone and whole, because it is started for a single request and has to be quick.
  const feedback = await bundleFeedback('dist', 'functions-feedback');
  const namesIn = (part) => [metafile, feedback].flatMap((made) => Object.keys(made[part]));
  const made = new Set(namesIn('outputs').map((path) => path.replace(/^dist\//, '')));
  for (const name of await readdir(dist)) {
    if (!/\.js(\.map)?$/.test(name) || made.has(name)) continue;
    const { mtimeMs } = await stat(join(dist, name));
    if (Date.now() - mtimeMs > staleAfter) await rm(join(dist, name), { force: true });
  }
  await finishProgram(dist, namesIn('inputs'));
};

/** A few files are read faster than many, and nothing has to be installed but native code. */
const buildSelfContained = async (folder) => {
  const [{ metafile }, feedback] = await Promise.all([
    build({ ...programOptions, outdir: folder, external: nativePackages }),
    bundleFeedback(folder, 'functions-feedback'),
  ]);
  await finishProgram(
    folder,
    [metafile, feedback].flatMap(({ inputs }) => Object.keys(inputs)),
  );
};

/** The licences of the packages that were built in. */
const licencesOf = async (inputs) => {
  const packages = new Set(
    inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []),
  );
  const texts = [...packages].sort().map(async (folder) => {
    const { name, version, license } = await readJson(join(root, folder, 'package.json'));
    const file = (await readdir(join(root, folder))).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file ? await readFile(join(root, folder, file), 'utf8') : `${license}\n`;
    return `${name} ${version}\n\n${text}`;
  });
  return (await Promise.all(texts)).join(`\n${'-'.repeat(80)}\n`);
};

/** One hash over everything the page is made of, so that an unchanged page is not built again. */
const hashOfPage = async () => {
  const names = (await readdir(join(root, 'web'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    .map((entry) => join(entry.parentPath, entry.name))
    .concat(join(root, 'package-lock.json'))
    .sort();
  const hash = createHash('sha256');
  for (const name of names) hash.update(`${name}\0`).update(await readFile(name));
  return hash.digest('hex');
};

const buildPage = async () => {
  const stampFile = join(dist, 'web.stamp');
  const stamp = await hashOfPage();
  const previous = await readFile(stampFile, 'utf8').catch(() => '');
  if (stamp === previous && existsSync(join(dist, 'web/index.html'))) return;
  await run('vite/bin/vite.js', ['build', 'web', '--logLevel', 'warn']);
  await writeFile(stampFile, stamp);
};

const buildTypes = () => run('typescript/bin/tsc', ['--project', 'tsconfig.build.json']);

const buildPackage = async () => {
  await Promise.all([buildProgram(), buildPage(), buildTypes()]);
  return dist;
};

/** FOLDER/dist with the package.json above it that a module's own folder needs. */
const buildFolder = async (path) => {
  const folder = resolve(path);
  const program = join(folder, 'dist');
  await mkdir(program, { recursive: true });
  await Promise.all([buildSelfContained(program), buildPage()]);
  await cp(join(dist, 'web'), join(program, 'web'), { recursive: true });
  const { name, version, license, type } = packageJson;
  const described = JSON.stringify({ name, version, license, type });
  await writeFile(join(folder, 'package.json'), `${described}\n`);
  return program;
};

const { values } = parseArgs({ options: { 'self-contained': { type: 'string' } } });
const started = performance.now();
await mkdir(dist, { recursive: true });
try {
  const folder = await (values['self-contained']
    ? buildFolder(values['self-contained'])
    : buildPackage());
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.error(`built ${folder} in ${seconds} s`);
} catch (error) {
  // esbuild has told its errors already.
  if (!error.errors) console.error(error.message);
  process.exit(1);
}
