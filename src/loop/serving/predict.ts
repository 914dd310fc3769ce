/** One picture in, one answer out: preprocess, classify, name the scores. */
import { RelearnError } from '../../base/errors.ts';
import { preprocess } from '../../data/preprocess.ts';
import type { PredictionReport } from '../../records/reports.ts';
import { findLabel } from '../../records/resolve-label.ts';
import type { Components } from '../components.ts';
import { newName } from '../new-name.ts';
import type { KeptPredictions } from './kept-predictions.ts';
import type { ServingModels } from './serving-models.ts';

export interface PredictContext
  extends Pick<Components, 'settings' | 'clock' | 'newId' | 'observer'> {
  readonly models: ServingModels;
  readonly kept: KeptPredictions;
}

/** @throws RelearnError unavailable/`model_not_ready`, not-found/`version_not_found`, the decoder's own */
export const predict = (
  { models, kept, settings, clock, newId, observer }: PredictContext,
  picture: Uint8Array,
  version?: number,
): Promise<PredictionReport> =>
  models.use(version, async (model) => {
    const { classifier } = model;
    const began = clock.monotonic();
    const pixels = await preprocess(picture, classifier.preprocessing);
    const preprocessed = clock.monotonic();
    const scores = await classifier.classify(pixels, 1);
    observer.predicted?.({
      preprocess: (preprocessed - began) / 1000,
      infer: (clock.monotonic() - preprocessed) / 1000,
    });
    const best = scores.indexOf(Math.max(...scores));
    const label = classifier.labels[best];
    if (label === undefined) {
      throw new RelearnError('internal', 'model_output_invalid', 'The model named no label.');
    }
    const predictionId = newName(clock.now(), newId());
    const known = findLabel(settings, label);
    if (known) kept.keep(predictionId, picture, known.id);
    return {
      result: Object.fromEntries(classifier.labels.map((name, i) => [name, scores[i] ?? 0])),
      label,
      version: model.version,
      predictionId,
    };
  });
