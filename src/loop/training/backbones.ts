/**
 * Imported networks as architectures: an option that names a file becomes a checked network, whose
 * file is kept in the store once, so that whoever trains there has it.
 */

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { counted } from '../../base/counted.ts';
import { isRelearnError, RelearnError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import type { Backbone } from '../../engine/nn/transfer.ts';
import type { Normalization } from '../../engine/onnx/normalize-pictures.ts';
import type { HubDownload } from '../../hub/fetch-hub-file.ts';
import { isHubName } from '../../hub/hub-name.ts';
import type { ObjectRef } from '../../records/json-object.ts';
import { backboneKey } from '../../records/keys.ts';
import { readVerified } from '../../records/read-verified.ts';
import type { Lease } from '../../registry/lease.ts';
import type { Environment } from '../../storage/open-store.ts';
import type { Components } from '../components.ts';
import { ofFile } from '../of-file.ts';
import { uploadByContent } from '../upload-by-content.ts';

/** Where a file that lies on a hub is looked for, and who watches. */
export interface HubOptions {
  /** Address of the Hugging Face Hub or a mirror; default: `HF_ENDPOINT`, else the public hub. */
  readonly hub?: string;
  readonly signal?: AbortSignal;
  /** Called while a network is downloaded. */
  onDownload?(progress: HubDownload): void;
  /** What a person should know on the way. */
  onLine?(line: string): void;
}

/** Those of these options that are a hub's. */
export const hubOptions = ({ hub, signal, onDownload, onLine }: HubOptions): HubOptions => ({
  ...(hub === undefined ? {} : { hub }),
  ...(signal ? { signal } : {}),
  ...(onDownload ? { onDownload } : {}),
  ...(onLine ? { onLine } : {}),
});

/** A network that `--architecture` named by its file. */
export interface ImportedArchitecture {
  /** The last part of the file's path; a hub's file as it was named. */
  readonly name: string;
  readonly file: Uint8Array;
  readonly ref: ObjectRef;
  readonly imageSize: number;
  /** How many blocks can be fine-tuned. */
  readonly blocks: number;
}

/** For files that leave the picture size open; what most classifiers were trained at. */
const usualImageSize = 224;

const isFile = (architecture: string): boolean => /\.onnx$/i.test(architecture);

interface ImportOptions {
  readonly imageSize?: number | undefined;
  /** The value in the file that serves as features, where it is not to be found by itself. */
  readonly features?: string | undefined;
  /** What its input is for a picture in 0..1; default: the picture. */
  readonly normalization?: Normalization | undefined;
  /** Names the hub's mirror, token and cache folder. */
  readonly env: Environment;
  readonly from: HubOptions;
}

/**
 * @param architecture a name, the path of an ONNX file, or its place on a hub: `hf:owner/name/file`
 * @returns undefined for a name
 * @throws RelearnError invalid/`architecture_not_found`; usage/`features_not_chosen` and
 *   `normalization_not_chosen` where those are named and no file is; as `fetchHubFile`, `endAtFeatures` and `openBackbone`
 */
export const importArchitecture = async (
  architecture: string | undefined,
  { imageSize, features, normalization, env, from }: ImportOptions,
): Promise<ImportedArchitecture | undefined> => {
  const isOnHub = architecture !== undefined && isHubName(architecture);
  if (architecture === undefined || !(isOnHub || isFile(architecture))) {
    if (normalization) throw normalizationNotChosen();
    if (features === undefined) return undefined;
    throw new RelearnError(
      'usage',
      'features_not_chosen',
      `--features: "${features}" is to be a value in an ONNX file, but no file is named.`,
      { hint: 'Leave it out, or name the file too: --architecture FILE.onnx' },
    );
  }
  const whole = isOnHub
    ? await fetchArchitecture(architecture, env, from)
    : await readArchitectureFile(architecture);
  const { file, network } = await ofFile(architecture, async () => {
    const cut = features === undefined ? whole : await cutFile(whole, features);
    const file = normalization ? await normalizeFile(cut, normalization) : cut;
    return { file, network: await openBackbone(file, imageSize) };
  });
  if (await isSmallForIt(file, imageSize)) from.onLine?.(smallSize(network.imageSize));
  return {
    name: isOnHub ? architecture : basename(architecture),
    file,
    ref: backboneRef(file),
    imageSize: network.imageSize,
    blocks: await countBlocksOf(network),
  };
};

/** Below half of what most networks were trained at, features tell little. */
const isSmallForIt = async (file: Uint8Array, imageSize: number | undefined): Promise<boolean> => {
  if (imageSize === undefined || imageSize >= usualImageSize / 2) return false;
  // Where the file itself says the size, it is the right one.
  return (await openBackbone(file)).imageSize !== imageSize;
};

const smallSize = (size: number): string =>
  `The network takes pictures of any size, and most such networks were trained at ${usualImageSize} × ${usualImageSize} pixels: at ${size} × ${size} it is quicker and tells much less. Without --image-size it is ${usualImageSize}.`;

const cutFile = async (file: Uint8Array, features: string): Promise<Uint8Array> => {
  const { endAtFeatures } = await import('../../engine/onnx/end-at-features.ts');
  return endAtFeatures(file, features);
};

const normalizeFile = async (file: Uint8Array, normalization: Normalization) => {
  const { normalizePictures } = await import('../../engine/onnx/normalize-pictures.ts');
  return normalizePictures(file, normalization);
};

const normalizationNotChosen = (): RelearnError =>
  new RelearnError(
    'usage',
    'normalization_not_chosen',
    '--mean and --std say what an ONNX file takes, but no file is named.',
    { hint: 'Leave them out, or name the file too: --architecture FILE.onnx' },
  );

/** The hub's client is loaded only where a hub is named. */
const fetchArchitecture = async (
  name: string,
  env: Environment,
  { hub, ...watch }: HubOptions,
): Promise<Uint8Array> => {
  const [{ fetchHubFile }, { hubSettingsFrom }] = await Promise.all([
    import('../../hub/fetch-hub-file.ts'),
    import('../../hub/hub-settings.ts'),
  ]);
  return fetchHubFile(name, { ...hubSettingsFrom(env, hub), ...watch });
};

const readArchitectureFile = async (path: string): Promise<Uint8Array> => {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    const why = unreadable[code] ?? "can't be read";
    throw new RelearnError('invalid', 'architecture_not_found', `${path} ${why}.`, {
      hint: 'Name an ONNX file, or one of the architectures compact and article.',
      cause,
    });
  }
};

/** By the code of what Node throws. */
const unreadable: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  EISDIR: 'is a folder, no file',
  EACCES: 'may not be read by this user',
  ERR_FS_FILE_TOO_LARGE: 'is larger than 2 GiB, which no ONNX file can be',
};

/**
 * @param imageSize where the file leaves it open; 224 where nobody says
 * @throws RelearnError as `importBackbone`; usage/`image_size_fixed` where it is given and does not fit
 */
export const openBackbone = async (file: Uint8Array, imageSize?: number): Promise<Backbone> => {
  const { importBackbone } = await import('../../engine/nn/transfer.ts');
  try {
    return importBackbone(file, imageSize);
  } catch (error) {
    if (!isRelearnError(error, 'onnx_image_size')) throw error;
    if (imageSize === undefined) return importBackbone(file, usualImageSize);
    throw new RelearnError('usage', 'image_size_fixed', error.message, {
      hint: 'Leave the image size out, or export the network with another one.',
      cause: error,
    });
  }
};

const countBlocksOf = async (network: Backbone): Promise<number> => {
  const { countBlocks } = await import('../../engine/nn/transfer.ts');
  return countBlocks(network);
};

/**
 * Looks before anything is computed whether a network has as many blocks as are to be fine-tuned.
 * @throws RelearnError usage/`too_many_blocks`
 */
export const checkFineTune = async (
  { store, settings }: Pick<Components, 'store' | 'settings'>,
  { architecture, backbone }: { readonly architecture: string; readonly backbone: ObjectRef },
  asked: ImportedArchitecture | undefined,
  fineTune: number,
): Promise<void> => {
  const isOwn = settings.backbone?.sha256 === backbone.sha256;
  const blocks =
    asked?.blocks ??
    (await countBlocksOf(
      await openBackbone(
        await readVerified(store, backbone),
        isOwn ? settings.imageSize : undefined,
      ),
    ));
  if (fineTune <= blocks) return;
  throw new RelearnError(
    'usage',
    'too_many_blocks',
    `--fine-tune ${fineTune}: ${architecture} has ${counted(blocks, 'block')}.`,
    { hint: `Give a number from 0 to ${blocks}; a third of them is often enough.` },
  );
};

/** As `init` names it. */
const backboneRef = (file: Uint8Array): ObjectRef => {
  const hash = sha256(file);
  return { key: backboneKey(hash), sha256: hash };
};

/** Where the settings or a training name this network. */
const findBackbone = async (
  { settings, registry, feedbackQuery }: Components,
  hash: string,
): Promise<ObjectRef | undefined> => {
  if (settings.backbone?.sha256 === hash) return settings.backbone;
  const { state } = registry;
  const { readManifest } = feedbackQuery(state);
  for (const { manifest } of state.claims) {
    const { backbone } = await readManifest(manifest);
    if (backbone?.sha256 === hash) return backbone;
  }
  return undefined;
};

/**
 * Keeps the network for a training that is to name it. What is named by nothing may be removed at
 * any moment, by a delete that was sent long ago: so only what is named is used again.
 */
export const keepBackbone = async (
  components: Components,
  { epoch }: Lease,
  file: Uint8Array,
): Promise<ObjectRef> => {
  const hash = sha256(file);
  const known = await findBackbone(components, hash);
  return uploadByContent(components.store, known?.key ?? backboneKey(hash, epoch), file);
};
