/**
 * Copies the packages with native code, and what they need while they run, with the binaries of one
 * kind of machine only: node scripts/copy-native-packages.mjs FROM TO linux-x64
 * FROM and TO are folders node_modules.
 */
import { existsSync } from 'node:fs';
import { cp, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { nativePackages } from './native-packages.mjs';

const [from, to, machine = ''] = process.argv.slice(2);
const [os, cpu] = machine.split('-');
if (!to || !cpu) {
  console.error('usage: node scripts/copy-native-packages.mjs FROM TO linux-x64|linux-arm64');
  process.exit(2);
}

/** ONNX Runtime downloads with these while it is installed, which Relearn never lets it do. */
const onlyForInstalling = ['adm-zip', 'global-agent'];

const closureOf = async (names) => {
  const found = new Set(names);
  // A set hands out what is added to it meanwhile.
  for (const name of found) {
    const file = await readFile(join(from, name, 'package.json'), 'utf8');
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(file);
    for (const needed of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const isHere =
        existsSync(join(from, needed)) && !existsSync(join(from, name, 'node_modules', needed));
      if (isHere && !onlyForInstalling.includes(needed)) found.add(needed);
    }
  }
  return [...found];
};

/** Paths inside a package: other machines' binaries, and what only developers read. */
const isLeftOut = (path) => {
  const [, binariesOf] = /^bin\/napi-v\d+\/(\w+\/\w+)/.exec(path) ?? [];
  if (binariesOf !== undefined && binariesOf !== `${os}/${cpu}`) return true;
  return /\.map$|\.[cm]?ts$|^(?:src|script|install)$/.test(path);
};

const packages = await closureOf(nativePackages);
const binaries = packages.filter((name) => name.startsWith('@img/sharp-'));
if (!binaries.some((name) => name.endsWith(`-${machine}`))) {
  console.error(`${from} holds no sharp for ${machine}: npm ci --os=${os} --cpu=${cpu}`);
  process.exit(1);
}
for (const name of packages) {
  // Where several machines' packages are installed side by side, one goes along.
  if (binaries.includes(name) && !name.endsWith(`-${machine}`)) continue;
  const source = join(from, name);
  await cp(source, join(to, name), {
    recursive: true,
    filter: (path) => !isLeftOut(relative(source, path)),
  });
}
