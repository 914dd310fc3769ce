/** What people see of the registry, and the decisions they can take: promote, roll back, export,
 * bring a model trained elsewhere. */
import { isRelearnError, RelearnError } from '../../base/errors.ts';
import { exportFormats } from '../../records/export-formats.ts';
import { decodeModelCard } from '../../records/model-card.ts';
import { readVerified } from '../../records/read-verified.ts';
import type { ModelsReport } from '../../records/reports.ts';
import { promoteVersion, rollbackChampion } from '../../registry/model-registry.ts';
import { lineageOf, type RegistryState, versionOf } from '../../registry/registry-state.ts';
import type { Components } from '../components.ts';
import type { Relearn, VersionDetails } from '../relearn-api.ts';
import { loadModel } from '../serving/load-model.ts';
import { exportVersion } from './export-version.ts';

const toReport = ({ champion, versions }: RegistryState): ModelsReport => ({
  champion,
  versions: versions.map(({ version, verdict, entry }) => ({
    version,
    parent: entry.parent,
    createdAt: entry.at,
    accuracy: entry.accuracy,
    verdict,
  })),
});

const show = async (components: Components, version: number): Promise<VersionDetails> => {
  const { store, registry } = components;
  const state = await registry.read();
  const { verdict, entry } = versionOf(state, version);
  const bytes = await readVerified(store, entry.card);
  const { formatVersion: _, createdAt: __, ...facts } = decodeModelCard(bytes, entry.card.key);
  return {
    version,
    isChampion: state.champion === version,
    verdict,
    createdAt: entry.at,
    lineage: lineageOf(state, version).map((ancestor) => ancestor.version),
    champion: state.history.filter((change) => change.version === version),
    formats: exportFormats,
    ...facts,
  };
};

export const createVersions = (components: Components): Relearn['models'] => {
  const { registry } = components;
  /** A version that can't be loaded must not become champion by a person's hand either. */
  const checkLoads = async (version: number) => {
    try {
      const { classifier } = await loadModel(components, versionOf(await registry.read(), version));
      await classifier.close();
    } catch (cause) {
      if (!isRelearnError(cause, 'object_missing')) throw cause;
      throw new RelearnError(
        'conflict',
        'version_incomplete',
        `The model file of version ${version} is missing.`,
        { hint: 'Choose another version: relearn models list', cause },
      );
    }
  };
  return {
    list: async () => toReport(await registry.read()),
    show: (version) => show(components, version),
    promote: async (version) => {
      await checkLoads(version);
      return toReport(await promoteVersion(registry, version));
    },
    rollback: async (to) => {
      const { championStack } = await registry.read();
      const target = to ?? championStack.at(-2);
      if (target !== undefined && championStack.slice(0, -1).includes(target)) {
        await checkLoads(target);
      }
      return toReport(await rollbackChampion(registry, to));
    },
    submit: async (path, options) => {
      const { submitModel } = await import('./submit-model.ts');
      return submitModel(components, path, options);
    },
    export: (version, options) => exportVersion(components, version, options),
  };
};
