/** PyTorch as a peer. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Debian's own first: another one on the path usually lacks Debian's packages. */
const interpreters = ['/usr/bin/python3', 'python3'];

/** An interpreter that has these modules; says so where there is none. */
export const findPython = (...modules: readonly string[]): string | undefined => {
  const imports = `import ${modules.join(', ')}`;
  const found = interpreters.find((name) => spawnSync(name, ['-c', imports]).status === 0);
  if (!found) console.log(`skipped: there is no Python with ${modules.join(', ')}`);
  return found;
};

/** Runs a script of `scripts/`. @returns its output */
export const runPython = (python: string, script: string, ...args: readonly string[]): string => {
  const path = fileURLToPath(new URL(`../scripts/${script}`, import.meta.url));
  const { stdout, stderr, status } = spawnSync(python, [path, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout;
};
