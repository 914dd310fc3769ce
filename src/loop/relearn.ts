/**
 * The library's entrance: opens a store and hands out its verbs. What each does stands in the file
 * of its name.
 */

import { openComponents, type RelearnOptions } from './components.ts';
import { collectFeedback } from './feedback/collect-feedback.ts';
import { recentFeedback } from './feedback/recent-feedback.ts';
import { createVersions } from './models/versions.ts';
import type { Relearn } from './relearn-api.ts';
import { createKeptPredictions } from './serving/kept-predictions.ts';
import { predict } from './serving/predict.ts';
import { createServingModels } from './serving/serving-models.ts';
import { bringBack, listQuarantine } from './store/bring-back.ts';
import { checkStore } from './store/check-store.ts';
import { collectGarbage } from './store/collect-garbage.ts';
import { readStatus } from './store/status.ts';
import { createStoreReadiness } from './store/store-readiness.ts';
import { considerTraining } from './training/consider-training.ts';
import { readRuns } from './training/run-journal.ts';
import { train } from './training/train-candidate.ts';

export { initStore } from './store/init-store.ts';

/**
 * @throws RelearnError not-found/`store_not_found`, what the storage throws, and where a first model
 * is needed and can't be used, as `models.submit`
 */
export const createRelearn = async (options: RelearnOptions): Promise<Relearn> => {
  const components = await openComponents(options);
  if (options.firstModel) {
    const { registerFirstModel } = await import('./models/first-model.ts');
    await registerFirstModel(components, options.firstModel);
  }
  const models = createServingModels(components);
  const kept = createKeptPredictions(components);
  const storeReadiness = createStoreReadiness(components);
  const context = { ...components, models, kept };
  return {
    settings: components.settings,
    location: components.store.location,
    // What reads and writes files of other formats is loaded by those who ask for it: servers start faster.
    importPictures: async (paths, importOptions) => {
      const { importIntoStore } = await import('./datasets/import-into-store.ts');
      return importIntoStore(context, paths, importOptions);
    },
    train: (trainOptions) => train(components, trainOptions),
    evaluate: async (evaluateOptions) => {
      const { evaluateVersion } = await import('./models/evaluate-version.ts');
      return evaluateVersion(context, evaluateOptions);
    },
    predict: (picture, { version } = {}) => predict(context, picture, version),
    collectFeedback: (input) => collectFeedback(context, input),
    considerTraining: (considerOptions) => considerTraining(components, considerOptions),
    status: () => readStatus(components),
    checkPlace: async () => {
      const { refuseOverlap } = await import('./store/refuse-overlap.ts');
      await refuseOverlap(components.store);
    },
    check: () => checkStore(components),
    quarantine: {
      list: () => listQuarantine(components),
      retry: (wanted) => bringBack(components, wanted),
    },
    collectGarbage: (garbageOptions) => collectGarbage(components, garbageOptions),
    models: createVersions(components),
    exportDataset: async (directory, exportOptions) => {
      const { exportDataset } = await import('./datasets/export-dataset.ts');
      return exportDataset(components, directory, exportOptions);
    },
    readiness: async () => {
      const reason = await models.whyNotReady();
      return { ready: reason === null, reason };
    },
    storeReadiness: async () => {
      const code = await storeReadiness();
      // Those who ask from outside learn no key and no path.
      if (code === null) return { ready: true, reason: null };
      return { ready: false, reason: `The store can not be read and written: ${code}.`, code };
    },
    recentFeedback: (limit) => recentFeedback(components, limit),
    runs: async () => (await readRuns(components.store)).map(({ formatVersion: _, ...run }) => run),
    close: async () => {
      await Promise.all([kept.close(), models.close()]);
    },
  };
};
