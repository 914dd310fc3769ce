/** Runs benchmarks by name: npm run bench -- NAME [ARGUMENT…]; without a name, lists them. */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.bench.ts'))
  .map((name) => name.slice(0, -'.bench.ts'.length));
const [name, ...rest] = process.argv.slice(2);
if (!names.includes(name)) {
  console.log(
    `benchmarks: ${names.join(', ')}\n\nnpm run bench -- NAME [ARGUMENT…]; see bench/README.md`,
  );
  process.exit(name === undefined || name === '--help' ? 0 : 2);
}
const runner = join(folder, '..', 'scripts', 'run-typescript.mjs');
const child = spawn(process.execPath, [runner, join(folder, `${name}.bench.ts`), ...rest], {
  stdio: 'inherit',
});
child.on('close', (code) => {
  process.exitCode = code ?? 1;
});
