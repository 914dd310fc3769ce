/**
 * A Relearn whose store is opened by the first call that needs it, and tried again by the next one
 * where that failed. Function Compute may hand over the store's credentials with its calls alone:
 * a server that opened the store before it listens would never come up there.
 */
import { RelearnError } from '../base/errors.ts';
import type { Relearn } from '../loop/relearn-api.ts';
import { shareInFlight } from './share-in-flight.ts';

/** @param location where the store is; `settings` can be read once any other call has succeeded */
export const openOnFirstCall = (location: string, open: () => Promise<Relearn>): Relearn => {
  let opened: Relearn | undefined;
  const opening = shareInFlight(async () => {
    opened ??= await open();
    return opened;
  });
  return {
    location,
    get settings() {
      if (opened) return opened.settings;
      throw new RelearnError('unavailable', 'store_not_open', 'The store is not open yet.');
    },
    importPictures: async (...args) => (await opening()).importPictures(...args),
    train: async (...args) => (await opening()).train(...args),
    evaluate: async (...args) => (await opening()).evaluate(...args),
    predict: async (...args) => (await opening()).predict(...args),
    collectFeedback: async (...args) => (await opening()).collectFeedback(...args),
    considerTraining: async (...args) => (await opening()).considerTraining(...args),
    status: async () => (await opening()).status(),
    checkPlace: async () => (await opening()).checkPlace(),
    check: async () => (await opening()).check(),
    quarantine: {
      list: async () => (await opening()).quarantine.list(),
      retry: async (...args) => (await opening()).quarantine.retry(...args),
    },
    collectGarbage: async (...args) => (await opening()).collectGarbage(...args),
    models: {
      list: async () => (await opening()).models.list(),
      show: async (...args) => (await opening()).models.show(...args),
      promote: async (...args) => (await opening()).models.promote(...args),
      rollback: async (...args) => (await opening()).models.rollback(...args),
      export: async (...args) => (await opening()).models.export(...args),
      submit: async (...args) => (await opening()).models.submit(...args),
    },
    exportDataset: async (...args) => (await opening()).exportDataset(...args),
    readiness: async () => (await opening()).readiness(),
    storeReadiness: async () => (await opening()).storeReadiness(),
    recentFeedback: async (...args) => (await opening()).recentFeedback(...args),
    runs: async () => (await opening()).runs(),
    close: async () => opened?.close(),
  };
};
