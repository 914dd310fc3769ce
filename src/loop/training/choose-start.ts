/** Which network a training trains, and whose weights it starts from. */
import { RelearnError } from '../../base/errors.ts';
import type { ObjectRef } from '../../records/json-object.ts';
import { decodeModelCard } from '../../records/model-card.ts';
import { readVerified } from '../../records/read-verified.ts';
import { type RegistryState, versionOf } from '../../registry/registry-state.ts';
import type { Components } from '../components.ts';
import type { TrainOptions } from '../relearn-api.ts';
import { hubOptions, type ImportedArchitecture, importArchitecture } from './backbones.ts';

/** An architecture, with the file it was imported from where it was. */
export interface NamedArchitecture {
  readonly architecture: string;
  readonly backbone?: ObjectRef | undefined;
}

/** What the options name, read and checked. */
export interface AskedArchitecture extends NamedArchitecture {
  readonly imported?: ImportedArchitecture;
}

export interface Start extends NamedArchitecture {
  /** The version to start from; null = from scratch. */
  readonly parent: number | null;
}

/**
 * @returns undefined where nothing was asked for
 * @throws RelearnError usage/`unknown_architecture`, `features_not_chosen`, `normalization_not_chosen`, and where a file can't be used
 */
export const findAskedArchitecture = async (
  { env }: Pick<Components, 'env'>,
  options: TrainOptions,
): Promise<AskedArchitecture | undefined> => {
  const { architecture, features, normalization } = options;
  const imported = await importArchitecture(architecture, {
    features,
    normalization,
    env,
    from: hubOptions(options),
  });
  if (imported) return { architecture: imported.name, backbone: imported.ref, imported };
  if (architecture === undefined) return undefined;
  const { findArchitecture } = await import('../../engine/nn/model-file.ts');
  findArchitecture(architecture);
  return { architecture };
};

/** An imported network is its file, whatever it is called. */
export const isSameArchitecture = (left: NamedArchitecture, right: NamedArchitecture): boolean =>
  left.backbone?.sha256 === right.backbone?.sha256 &&
  (left.backbone !== undefined || left.architecture === right.architecture);

/**
 * Weights that are trained on and on lose the ability to learn (Dohare et al. 2024): of this many
 * versions one starts from scratch. Like every candidate it replaces the champion only if it is better.
 */
const freshStartEvery = 8;

const isFreshStartDue = ({ versions }: RegistryState): boolean =>
  versions.length >= freshStartEvery - 1 &&
  versions.slice(1 - freshStartEvery).every(({ entry }) => entry.parent !== null);

/** @throws RelearnError usage/`no_champion`, `architecture_mismatch`, `nothing_to_fine_tune`, `mirror_not_chosen` */
export const chooseStart = async (
  components: Pick<Components, 'settings' | 'store'>,
  state: RegistryState,
  options: TrainOptions,
  asked: NamedArchitecture | undefined,
): Promise<Start> => {
  const start = await findStart(components, state, options, asked);
  if (start.backbone) return start;
  const only = 'Leave it out, or import a network: --architecture FILE.onnx';
  if (options.fineTune) {
    throw new RelearnError(
      'usage',
      'nothing_to_fine_tune',
      `--fine-tune: the architecture ${start.architecture} is no imported network, all of it learns.`,
      { hint: only },
    );
  }
  if (options.mirror !== undefined) {
    throw new RelearnError(
      'usage',
      'mirror_not_chosen',
      `--mirror: the architecture ${start.architecture} is no imported network and knows itself whether it looks at mirror images.`,
      { hint: only },
    );
  }
  return start;
};

const findStart = async (
  { settings, store }: Pick<Components, 'settings' | 'store'>,
  state: RegistryState,
  { from }: TrainOptions,
  asked: NamedArchitecture | undefined,
): Promise<Start> => {
  const champion = state.champion === null ? null : versionOf(state, state.champion);
  if (from === 'champion' && !champion) {
    throw new RelearnError('usage', 'no_champion', 'There is no champion to start from.', {
      hint: 'Leave --from out, or use --from scratch.',
    });
  }
  const startOf = (
    { architecture, backbone }: NamedArchitecture,
    parent: number | null,
  ): Start => ({
    architecture,
    ...(backbone ? { backbone } : {}),
    parent,
  });
  if (from === 'scratch' || !champion) return startOf(asked ?? settings, null);
  const { card } = champion.entry;
  const own = decodeModelCard(await readVerified(store, card), card.key);
  const isOwn = !asked || isSameArchitecture(asked, own);
  if (from === undefined && isOwn && isFreshStartDue(state)) return startOf(own, null);
  if (isOwn) return startOf(own, champion.version);
  if (from === undefined) return startOf(asked, null);
  throw new RelearnError(
    'usage',
    'architecture_mismatch',
    `The champion is of the architecture ${own.architecture}; ${asked.architecture} can't start from its weights.`,
    { hint: 'Use --from scratch, or leave --architecture out.' },
  );
};
