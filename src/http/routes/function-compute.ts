/**
 * The calls that Function Compute makes by itself: before the first request, and before it freezes or
 * ends the instance. To everybody else these paths do not exist.
 */
import type { FastifyRequest } from 'fastify';
import type { AppContext } from '../app-context.ts';
import { invalid } from '../error-table.ts';
import type { CallKind } from '../function-compute.ts';
import type { Route } from '../route.ts';
import { health } from '../schemas.ts';

const only = (kind: CallKind, { callKind }: FastifyRequest): void => {
  if (callKind !== kind) throw invalid('not_found', 'No such route.');
};

export const functionComputeRoutes = ({ relearn, functions }: AppContext): Route[] => [
  {
    method: 'POST',
    path: '/initialize',
    summary: 'Function Compute’s initializer: loads the model before the first request.',
    scope: null,
    bodyOptional: true,
    answers: { 'application/json': health },
    handle: async (request) => {
      only('initialize', request);
      // A store without a model, or that is away, is no reason to refuse the instance: /readyz says so.
      if (functions.includes('predict'))
        await relearn.readiness().catch((error: unknown) => {
          request.log.warn({ reason: String(error) }, 'initialized without a store');
        });
      return { ok: true };
    },
  },
  {
    method: 'GET',
    path: '/pre-stop',
    summary: 'Function Compute’s pre-stop hook; everything durable is durable already.',
    scope: null,
    answers: { 'application/json': health },
    handle: (request) => {
      only('pre-stop', request);
      return { ok: true };
    },
  },
];
