/** Writes down what a candidate learns from, and claims it in the log: feedback is consumed once. */
import { sha256 } from '../../base/hash.ts';
import type { ObjectRef } from '../../records/json-object.ts';
import { trainingManifestKey } from '../../records/keys.ts';
import { encodeTrainingManifest, type TrainingManifest } from '../../records/training-manifest.ts';
import type { Lease } from '../../registry/lease.ts';
import { claimManifest } from '../../registry/model-registry.ts';
import type { Components } from '../components.ts';

/** @throws RelearnError conflict/`lease_lost` */
export const claimTraining = async (
  { registry, store }: Pick<Components, 'registry' | 'store'>,
  lease: Lease,
  manifest: TrainingManifest,
): Promise<ObjectRef> => {
  const bytes = encodeTrainingManifest(manifest);
  const ref = { key: trainingManifestKey(manifest.runId), sha256: sha256(bytes) };
  await store.putIfAbsent(ref.key, bytes);
  await claimManifest(registry, lease, ref);
  return ref;
};
