/**
 * Runs a TypeScript file of this repository (a benchmark, an example) against the built program:
 * node scripts/run-typescript.mjs FILE.ts [ARGUMENT…]. The bundle lies in dist/ while it runs, so
 * that it finds the workers that lie there.
 */
import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { typescriptOptions } from './typescript-options.mjs';

const [file, ...rest] = process.argv.slice(2);
if (!file) {
  console.error('usage: node scripts/run-typescript.mjs FILE.ts [ARGUMENT…]');
  process.exit(2);
}
const root = fileURLToPath(new URL('..', import.meta.url));
const outfile = join(root, 'dist', `run-${basename(file, '.ts')}-${process.pid}.js`);
await build({
  absWorkingDir: root,
  entryPoints: [file],
  outfile,
  ...typescriptOptions,
});
const child = spawn(process.execPath, [outfile, ...rest], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('close', async (code) => {
  await rm(outfile, { force: true });
  process.exitCode = code ?? 1;
});
