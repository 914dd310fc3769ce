/**
 * Builds the package into dist/: the program's entries by esbuild, the page by Vite (only when its
 * sources changed), the library's type declarations by tsc. All files lie flat in dist/, so that
 * `new URL('./training-child.js', import.meta.url)` finds a neighbour from every chunk.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { bundleFeedback, forCommonJs, oneLanguage, requireSharp } from './bundle-feedback.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

const readJson = async (path) => JSON.parse(await readFile(path, 'utf8'));
const { dependencies } = await readJson(join(root, 'package.json'));

/** Output name → source. Workers and child processes are entries, because they are started by file name. */
const entries = {
  cli: 'src/cli/main.ts',
  index: 'src/index.ts',
  'training-child': 'src/loop/training-child.ts',
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

const buildProgram = async () => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: entries,
    outdir: 'dist',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // What is installed with the package stays outside; what is only used here is built in, and so
    // is zod, which is installed for the library's types: one file is read faster than hundreds.
    external: Object.keys(dependencies).filter((name) => name !== 'zod'),
    banner: { js: forCommonJs },
    plugins: [oneLanguage, requireSharp],
    mainFields: ['module', 'main'],
    // For Node it has CommonJS only, whose calls of require() find nothing in a module.
    alias: { yaml: join(root, 'node_modules/yaml/browser/index.js') },
    sourcemap: 'linked',
    sourcesContent: false,
    metafile: true,
    logLevel: 'warning',
    chunkNames: 'chunk-[hash]',
    legalComments: 'none',
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
  await chmod(join(dist, 'cli.js'), 0o755);
  await writeFile(join(dist, 'THIRD-PARTY.txt'), await licencesOf(namesIn('inputs')));
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

const started = performance.now();
await mkdir(dist, { recursive: true });
try {
  await Promise.all([buildProgram(), buildPage(), buildTypes()]);
} catch (error) {
  // esbuild has told its errors already.
  if (!error.errors) console.error(error.message);
  process.exit(1);
}
console.error(`built dist/ in ${((performance.now() - started) / 1000).toFixed(1)} s`);
