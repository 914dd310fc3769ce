/**
 * What a training is to learn from and how: written down and claimed in the log, before anything is
 * computed. A resumed training claims again what the interrupted one had claimed.
 */
import { RelearnError } from '../../base/errors.ts';
import type { ObjectRef } from '../../records/json-object.ts';
import type { ResumableRun } from '../../records/reports.ts';
import type { TrainingManifest } from '../../records/training-manifest.ts';
import type { Lease } from '../../registry/lease.ts';
import { claimManifest } from '../../registry/model-registry.ts';
import type { Components } from '../components.ts';
import { occasionOf } from '../feedback/quarantine.ts';
import { newName } from '../new-name.ts';
import type { TrainOptions } from '../relearn-api.ts';
import { assembleTrainingSet } from './assemble-training-set.ts';
import { keepBackbone } from './backbones.ts';
import { type AskedArchitecture, chooseStart, isSameArchitecture } from './choose-start.ts';
import { claimTraining } from './claim-training.ts';
import { findResumable, nothingToResume } from './resumable-run.ts';
import type { TrainingRequest } from './trainer.ts';

/** Same seed, same data: same weights. */
const defaultSeed = 1;

export interface PreparedTraining {
  readonly manifest: TrainingManifest;
  readonly ref: ObjectRef;
  /** What it goes on with; null = it begins. */
  readonly resumed: ResumableRun | null;
}

const fitOptionNames = [
  'rounds',
  'steps',
  'patience',
  'targetAccuracy',
  'maxMinutes',
  'batchSize',
  'learningRate',
  'fineTune',
  'mirror',
  'device',
] as const;

/** Those that were given. */
const fitOptions = (options: TrainOptions): TrainingManifest['options'] =>
  Object.fromEntries(
    fitOptionNames.flatMap((name) => {
      const value = options[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );

/** The options of a run, as its trainer takes them. */
export const trainerOptions = ({
  options,
  seed,
}: TrainingManifest): TrainingRequest['options'] => ({
  ...(options as Omit<TrainingRequest['options'], 'seed'>),
  seed,
});

/** What was found out before the training. */
export interface Groundwork {
  readonly asked?: AskedArchitecture | undefined;
  /** Keys of the items under `feedback/` that were looked at: it learns from no others. */
  readonly sound: ReadonlySet<string>;
}

export const prepareNew = async (
  components: Components,
  lease: Lease,
  options: TrainOptions,
  { asked, sound }: Groundwork,
): Promise<PreparedTraining> => {
  const { clock, newId, registry } = components;
  const { state } = registry;
  const start = await chooseStart(components, state, options, asked);
  const backbone = asked?.imported
    ? await keepBackbone(components, lease, asked.imported.file)
    : start.backbone;
  const manifest: TrainingManifest = {
    formatVersion: 1,
    runId: newName(clock.now(), newId()),
    createdAt: new Date(clock.now()).toISOString(),
    ...start,
    ...(backbone ? { backbone } : {}),
    seed: options.seed ?? defaultSeed,
    options: { ...fitOptions(options), race: options.from === undefined },
    ...(await assembleTrainingSet(
      { ...components, ...occasionOf(components, lease) },
      state,
      sound,
      { fromScratch: start.parent === null },
    )),
  };
  const ref = await claimTraining(components, lease, manifest);
  return { manifest, ref, resumed: null };
};

/** @throws RelearnError usage/`resume_mismatch` naming what was asked for and what the run has */
const checkUnchanged = (
  options: TrainOptions,
  asked: AskedArchitecture | undefined,
  manifest: TrainingManifest,
): void => {
  const start = options.from && (options.from === 'scratch') !== (manifest.parent === null);
  const given = Object.entries({
    ...fitOptions(options),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
  });
  const own: Readonly<Record<string, unknown>> = {
    ...manifest.options,
    seed: manifest.seed,
  };
  const other = [
    ...(start ? [`it starts from ${manifest.parent === null ? 'scratch' : 'the champion'}`] : []),
    ...given
      .filter(([name, value]) => own[name] !== value)
      .map(([name, value]) => `${name} is ${own[name] ?? "the recipe's"}, not ${value}`),
    ...(asked && !isSameArchitecture(asked, manifest)
      ? [`architecture is ${manifest.architecture}, not ${asked.architecture}`]
      : []),
  ];
  if (other.length === 0) return;
  throw new RelearnError(
    'usage',
    'resume_mismatch',
    `The interrupted training goes on as it was started: ${other.join('; ')}.`,
    { hint: 'Leave those options out with --resume, or train anew without it.' },
  );
};

/** @throws RelearnError not-found/`nothing_to_resume`, usage/`resume_mismatch` */
export const prepareResumed = async (
  components: Components,
  lease: Lease,
  options: TrainOptions,
  { asked }: Groundwork,
): Promise<PreparedTraining> => {
  const { registry } = components;
  const found = await findResumable(components, registry.state);
  if (!found) throw nothingToResume();
  checkUnchanged(options, asked, found.manifest);
  await claimManifest(registry, lease, found.ref, found.run.step);
  return { manifest: found.manifest, ref: found.ref, resumed: found.run };
};
