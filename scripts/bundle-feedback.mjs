/**
 * Bundles the feedback function with every package that it needs, but for sharp, which has native
 * code: it starts in two thirds of the time that it takes to load them one by one, and can be
 * deployed as a folder. ONNX Runtime and the training are not in it.
 */
import { join } from 'node:path';
import { build } from 'esbuild';
import { bundleOptions, root } from './bundle-options.mjs';

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

/** @returns esbuild's list of what was made of what. @param name of the entry, without `.js` */
export const bundleFeedback = async (outdir, name) => {
  const { metafile } = await build({
    ...bundleOptions,
    entryPoints: { [name]: 'src/functions/feedback.ts' },
    outdir,
    minify: true,
    keepNames: true,
    plugins: [leaveOutOnDemand, ...bundleOptions.plugins],
    // A bucket's driver is loaded when it is named.
    chunkNames: 'feedback-[hash]',
  });
  return metafile;
};
