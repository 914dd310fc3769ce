/**
 * The packages with native code: they can't be built into the program, each machine needs its own,
 * and what is deployed holds them beside it, with the binaries of one kind of machine.
 */
import { existsSync } from 'node:fs';
import { cp, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

export const nativePackages = ['onnxruntime-node', 'sharp'];

/** ONNX Runtime downloads with these while it is installed, which Relearn never lets it do. */
const onlyForInstalling = ['adm-zip', 'global-agent'];

/** The packages and what they need while they run, as far as it is installed in the folder `from`. */
const closureOf = async (names, from) => {
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
const isLeftOut = (path, machine) => {
  const [, os, cpu] = /^bin\/napi-v\d+\/(\w+)\/(\w+)/.exec(path) ?? [];
  if (os !== undefined && `${os}-${cpu}` !== machine) return true;
  return /\.map$|\.[cm]?ts$|^(?:src|script|install)$/.test(path);
};

/**
 * @param from folder node_modules where the packages are installed
 * @param to folder node_modules that is filled
 * @param machine linux-x64 or linux-arm64
 * @throws where no sharp for that machine is installed
 */
export const copyNativePackages = async (names, from, to, machine) => {
  const packages = await closureOf(names, from);
  const binaries = packages.filter((name) => name.startsWith('@img/sharp-'));
  if (!binaries.some((name) => name.endsWith(`-${machine}`))) {
    const [os, cpu] = machine.split('-');
    throw new Error(
      `${from} holds no sharp for ${machine}: npm install --os=${os} --cpu=${cpu} --libc=glibc sharp`,
    );
  }
  for (const name of packages) {
    // Where several machines' packages are installed side by side, one goes along.
    if (binaries.includes(name) && !name.endsWith(`-${machine}`)) continue;
    const source = join(from, name);
    await cp(source, join(to, name), {
      recursive: true,
      filter: (path) => !isLeftOut(relative(source, path), machine),
    });
  }
};
