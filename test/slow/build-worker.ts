/** Builds a process that a test starts, beside the program, so that it finds the workers there. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { typescriptOptions } from '../../scripts/typescript-options.mjs';

/** @param name of a file in this folder, without `.ts`. @returns where the built file lies */
export const buildWorker = async (name: string): Promise<string> => {
  const outfile = fileURLToPath(new URL(`../../dist/${name}-${process.pid}.js`, import.meta.url));
  await build({
    entryPoints: [fileURLToPath(new URL(`./${name}.ts`, import.meta.url))],
    outfile,
    ...typescriptOptions,
  });
  return outfile;
};
