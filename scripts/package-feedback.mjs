/**
 * Lays out the feedback function as plain code, for hosts that run a folder and no container:
 * the bundled program and beside it sharp, for Linux on x64 with glibc.
 *
 * npm run package:feedback [-- FOLDER], else deploy/feedback
 */
import { chmod, cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFeedback } from './bundle-feedback.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = resolve(process.argv[2] ?? join(root, 'deploy/feedback'));

const nativePackages = ['@img/sharp-linux-x64', '@img/sharp-libvips-linux-x64'];

/** sharp with what it requires, and its native code for the machines of the host alone. */
const copyPackage = async (name, copied = new Set()) => {
  if (copied.has(name)) return;
  copied.add(name);
  const source = join(root, 'node_modules', name);
  const description = await readFile(join(source, 'package.json'), 'utf8').catch(() => {
    throw new Error(
      `${name} is not installed: npm install --os=linux --cpu=x64 --libc=glibc sharp`,
    );
  });
  await cp(source, join(folder, 'node_modules', name), { recursive: true });
  const { dependencies = {} } = JSON.parse(description);
  for (const dependency of Object.keys(dependencies)) await copyPackage(dependency, copied);
};

const sizeOf = async (path) => {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
};

await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
await bundleFeedback(folder, 'index');
await writeFile(join(folder, 'package.json'), '{ "type": "module" }\n');
for (const name of ['sharp', ...nativePackages]) await copyPackage(name);
await writeFile(join(folder, 'bootstrap'), '#!/bin/sh\nexec node index.js\n');
await chmod(join(folder, 'bootstrap'), 0o755);
const megabytes = async (path) => `${((await sizeOf(path)) / 1e6).toFixed(1)} MB`;
console.error(
  `${folder}: ${await megabytes(folder)}, of which sharp ${await megabytes(join(folder, 'node_modules'))}`,
);
