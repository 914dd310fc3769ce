/** Debian's PyTorch as a peer: its own interpreter, since another one on the path lacks its packages. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const python = '/usr/bin/python3';

/** Says so where it is false. */
export const hasPython = (...modules: readonly string[]): boolean => {
  const imports = `import ${modules.join(', ')}`;
  const found = existsSync(python) && spawnSync(python, ['-c', imports]).status === 0;
  if (!found) console.log(`skipped: ${python} lacks one of ${modules.join(', ')}`);
  return found;
};

/** Runs a script of `scripts/`. @returns its output */
export const runPython = (script: string, ...args: readonly string[]): string => {
  const path = fileURLToPath(new URL(`../scripts/${script}`, import.meta.url));
  const { stdout, stderr, status } = spawnSync(python, [path, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout;
};
