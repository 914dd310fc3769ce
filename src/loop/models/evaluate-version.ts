/** Scores one version on the frozen holdout, or on labelled pictures that are named. */
import { RelearnError } from '../../base/errors.ts';
import { normalizeImage } from '../../data/decode-image.ts';
import { openPictureSource } from '../../data/picture-source.ts';
import type { LabelledPicture } from '../../data/pixel-cache.ts';
import type { EvaluationReport, Rejected } from '../../records/reports.ts';
import { findLabel } from '../../records/resolve-label.ts';
import type { Components } from '../components.ts';
import type { ServingModels } from '../serving/serving-models.ts';
import { readBasePictures } from '../training/load-training-pictures.ts';

export interface EvaluateVersionOptions {
  readonly paths?: readonly string[];
  readonly version?: number;
  readonly signal?: AbortSignal;
}

interface Pictures {
  readonly pictures: readonly LabelledPicture[];
  readonly rejected: readonly Rejected[];
}

const holdoutOf = async (components: Components): Promise<Pictures> => {
  const rows = await components.basePictures.at(await components.registry.read());
  const judges = [...rows.values()].filter(({ split }) => split === 'holdout');
  const { holdout } = await readBasePictures(components, judges);
  return { pictures: holdout, rejected: [] };
};

const picturesAt = async (
  { settings }: Components,
  paths: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Pictures> => {
  const pictures: LabelledPicture[] = [];
  const rejected: Rejected[] = [];
  const knowsLabel = (name: string) => findLabel(settings, name) !== undefined;
  for await (const item of openPictureSource(paths, { knowsLabel, labels: settings.labels })) {
    signal?.throwIfAborted();
    const { path } = item;
    if ('rejected' in item) {
      rejected.push({ path, reason: item.rejected });
      continue;
    }
    const label = findLabel(settings, item.label);
    if (!label) {
      rejected.push({ path, reason: 'unknown_label' });
      continue;
    }
    try {
      // Written as the store writes them, so that a picture scores alike here and there.
      const { bytes } = await normalizeImage(await item.read());
      pictures.push({ label: label.index, bytes });
    } catch (error) {
      if (!(error instanceof RelearnError) || error.kind !== 'invalid') throw error;
      rejected.push({ path, reason: error.code });
    }
  }
  return { pictures, rejected };
};

/** @throws RelearnError invalid/`no_pictures` where there is nothing to score on */
export const evaluateVersion = async (
  components: Components & { readonly models: ServingModels },
  { paths = [], version, signal }: EvaluateVersionOptions = {},
): Promise<EvaluationReport> => {
  const { pictures, rejected } =
    paths.length === 0 ? await holdoutOf(components) : await picturesAt(components, paths, signal);
  if (pictures.length === 0) {
    throw new RelearnError('invalid', 'no_pictures', 'There are no pictures to evaluate on.', {
      hint: 'Import labelled pictures, or name a folder of them.',
      details: { rejected },
    });
  }
  const { evaluate } = await import('../../training/evaluate.ts');
  const { measure } = await import('../training/measure.ts');
  return components.models.use(version, async (model) => {
    const { classifier } = model;
    const evaluation = await evaluate(classifier, pictures, signal ? { signal } : {});
    const metrics = measure(classifier.labels, pictures, evaluation, classifier.temperature);
    return { version: model.version, ...metrics, rejected };
  });
};
