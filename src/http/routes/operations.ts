/** What operators and client generators read: metrics and the description of the routes. */
import type { AppContext } from '../app-context.ts';
import { describeRoutes } from '../openapi.ts';
import type { Route } from '../route.ts';
import { anything, text } from '../schemas.ts';

export const metricsRoute = ({ metrics }: AppContext): Route => ({
  method: 'GET',
  path: '/metrics',
  summary: 'Counters and histograms for Prometheus.',
  scope: 'admin',
  answers: { 'text/plain': text },
  handle: async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
});

/** Describes the given routes and itself. */
export const openApiRoute = (others: readonly Route[]): Route => {
  const route: Route = {
    method: 'GET',
    path: '/openapi.json',
    summary: 'This description.',
    scope: null,
    answers: { 'application/json': anything },
    handle: () => document,
  };
  const document = describeRoutes([...others, route]);
  return route;
};
