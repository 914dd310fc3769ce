/**
 * Bundles the feedback function with every package that it needs, but for sharp, which has native
 * code: it starts in two thirds of the time that it takes to load them one by one, and can be
 * deployed as a folder. ONNX Runtime and the training are not in it.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What the loop loads on demand belongs to predicting and training; feedback never asks for it. */
const leaveOutOnDemand = {
  name: 'leave-out-on-demand',
  setup: (bundle) =>
    bundle.onResolve({ filter: /^\./ }, ({ kind, importer, path }) =>
      kind === 'dynamic-import' && importer.startsWith(join(root, 'src/loop/'))
        ? { path, external: true }
        : undefined,
    ),
};

/** Packages in CommonJS call require() and ask where they lie. */
export const forCommonJs =
  "import { createRequire as $require } from 'node:module'; const require = $require(import.meta.url); const __filename = new URL(import.meta.url).pathname; const __dirname = new URL('.', import.meta.url).pathname;";

/** zod tells of errors in fifty languages; nobody hears them, and they take time to read. */
export const oneLanguage = {
  name: 'one-language',
  setup: (bundle) =>
    bundle.onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    })),
};

/** Required, because an import would first search sharp's CommonJS for names to export. */
export const requireSharp = {
  name: 'require-sharp',
  setup: (bundle) => {
    bundle.onResolve({ filter: /^sharp$/ }, ({ kind }) =>
      kind === 'require-call'
        ? { path: 'sharp', external: true }
        : { path: 'sharp', namespace: 'require-sharp' },
    );
    bundle.onLoad({ filter: /./, namespace: 'require-sharp' }, () => ({
      contents: "export default require('sharp');",
    }));
  },
};

/** @returns esbuild's list of what was made of what. @param name of the entry, without `.js` */
export const bundleFeedback = async (outdir, name) => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { [name]: 'src/functions/feedback.ts' },
    outdir,
    bundle: true,
    // A bucket's driver is loaded when it is named.
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    minify: true,
    keepNames: true,
    banner: { js: forCommonJs },
    plugins: [leaveOutOnDemand, oneLanguage, requireSharp],
    metafile: true,
    chunkNames: 'feedback-[hash]',
    legalComments: 'none',
    logLevel: 'warning',
  });
  return metafile;
};
