/** What the page shows and the two decisions it can take. */
import type { FastifyRequest } from 'fastify';
import type { AppContext, Limits } from '../app-context.ts';
import { invalid } from '../error-table.ts';
import { readJson } from '../read-json.ts';
import { bodyOf, unsupportedMediaType } from '../request-body.ts';
import type { Route } from '../route.ts';
import {
  check,
  feedbackList,
  modelsReport,
  rollbackBody,
  runsReport,
  statusReport,
} from '../schemas.ts';
import { shareInFlight } from '../share-in-flight.ts';

const newestFeedback = 50;

export const studioRoutes = ({ relearn, functions, limits }: AppContext): Route[] => {
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
      accepts: { 'application/json': rollbackBody },
      bodyOptional: true,
      answers: { 'application/json': modelsReport },
      errors: ['no_previous_champion', 'not_a_previous_champion'],
      handle: (request) => relearn.models.rollback(targetOf(request, limits)),
    },
  ];
};

/** The champion to go back to; undefined where there is no body, or none in it. */
const targetOf = (request: FastifyRequest, limits: Limits): number | undefined => {
  if (!(request.body instanceof Uint8Array) || request.body.length === 0) return undefined;
  const { bytes, mediaType } = bodyOf(request);
  if (mediaType !== 'application/json') throw unsupportedMediaType(mediaType);
  return check(rollbackBody, readJson(bytes, limits.jsonDepth)).to;
};

/** Digits only: `Number` would also read `0x10`, `1e3` and the empty text. */
const versionOf = (params: unknown): number => {
  const { version } = params as { version: string };
  if (!/^[1-9]\d{0,8}$/.test(version)) throw invalid('invalid_version', 'Not a version.');
  return Number(version);
};
