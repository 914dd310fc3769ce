/** Brings one version's model from the store into memory, and proves that it answers. */
import type { Classifier } from '../../engine/runtime/classifier.ts';
import type { VersionRecord } from '../../registry/registry-state.ts';
import type { Components } from '../components.ts';

export interface LoadedModel {
  readonly version: number;
  readonly classifier: Classifier;
}

/**
 * @throws RelearnError corrupt/`object_missing`, corrupt/`object_damaged`,
 * corrupt/`invalid_model_file` or internal/`model_output_invalid`
 */
export const loadModel = async (
  { readModel, openClassifier }: Pick<Components, 'readModel' | 'openClassifier'>,
  { version, entry }: VersionRecord,
): Promise<LoadedModel> => {
  const classifier = await openClassifier(await readModel(entry.model));
  try {
    const { width, height, channels } = classifier.preprocessing;
    // One grey picture: a model that gives no finite answer is found before anybody asks it.
    await classifier.classify(new Uint8Array(width * height * channels).fill(128), 1);
  } catch (error) {
    await classifier.close();
    throw error;
  }
  return { version, classifier };
};
