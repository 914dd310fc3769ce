/**
 * Lays out the feedback function as plain code, for hosts that run a folder and no container:
 * the bundled program and beside it sharp, for Linux on x64 with glibc.
 *
 * npm run package:feedback [-- FOLDER], else deploy/feedback
 */
import { chmod, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { bundleFeedback } from './bundle-feedback.mjs';
import { root } from './bundle-options.mjs';
import { copyNativePackages } from './native-packages.mjs';

const folder = resolve(process.argv[2] ?? join(root, 'deploy/feedback'));

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
const installed = join(root, 'node_modules');
await copyNativePackages(['sharp'], installed, join(folder, 'node_modules'), 'linux-x64');
await writeFile(join(folder, 'bootstrap'), '#!/bin/sh\nexec node index.js\n');
await chmod(join(folder, 'bootstrap'), 0o755);
const megabytes = async (path) => `${((await sizeOf(path)) / 1e6).toFixed(1)} MB`;
console.error(
  `${folder}: ${await megabytes(folder)}, of which sharp ${await megabytes(join(folder, 'node_modules'))}`,
);
