/** What the page shows and the two decisions it can take. */

import type { AppContext } from '../app-context.ts';
import { invalid } from '../error-table.ts';
import type { Route } from '../route.ts';
import { feedbackList, modelsReport, runsReport, statusReport } from '../schemas.ts';
import { shareInFlight } from '../share-in-flight.ts';

const newestFeedback = 50;

export const studioRoutes = ({ relearn, functions }: AppContext): Route[] => {
  // Many open pages poll; they share one look at the store.
  const status = shareInFlight(async () => {
    const report = await relearn.status();
    return { labels: relearn.settings.labels, functions, ...report };
  });
  const models = shareInFlight(() => relearn.models.list());
  const runs = shareInFlight(async () => ({ runs: await relearn.runs() }));
  const feedback = shareInFlight(async () => ({
    items: await relearn.recentFeedback(newestFeedback),
  }));
  return [
    {
      method: 'GET',
      path: '/api/status',
      summary: 'The champion, feedback that waits, and the running training.',
      scope: 'admin',
      answers: { 'application/json': statusReport },
      handle: status,
    },
    {
      method: 'GET',
      path: '/api/models',
      summary: 'Every version and which one is champion.',
      scope: 'admin',
      answers: { 'application/json': modelsReport },
      handle: models,
    },
    {
      method: 'GET',
      path: '/api/runs',
      summary: 'Every training run with its curve and its report.',
      scope: 'admin',
      answers: { 'application/json': runsReport },
      handle: runs,
    },
    {
      method: 'GET',
      path: '/api/feedback',
      summary: 'The newest feedback.',
      scope: 'admin',
      answers: { 'application/json': feedbackList },
      handle: feedback,
    },
    {
      method: 'POST',
      path: '/api/models/:version/promote',
      summary: 'Make a version the champion.',
      scope: 'admin',
      answers: { 'application/json': modelsReport },
      errors: ['version_not_found', 'version_incomplete', 'invalid_version'],
      handle: ({ params }) => relearn.models.promote(versionOf(params)),
    },
    {
      method: 'POST',
      path: '/api/rollback',
      summary: 'Make the champion before this one the champion again.',
      scope: 'admin',
      answers: { 'application/json': modelsReport },
      handle: () => relearn.models.rollback(),
    },
  ];
};

/** Digits only: `Number` would also read `0x10`, `1e3` and the empty text. */
const versionOf = (params: unknown): number => {
  const { version } = params as { version: string };
  if (!/^[1-9]\d{0,8}$/.test(version)) throw invalid('invalid_version', 'Not a version.');
  return Number(version);
};
