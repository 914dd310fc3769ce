/**
 * Refuses predictions while too many are in work, before a byte of their bodies is read: a queue
 * without an end would answer everybody too late. Health checks, feedback and all else pass.
 */
import type { FastifyInstance } from 'fastify';
import type { AppContext } from './app-context.ts';
import { invalid } from './error-table.ts';

export const addLoadLimit = (app: FastifyInstance, { limits }: AppContext): void => {
  let open = 0;
  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config.scope !== 'predict') return;
    if (open >= limits.openPredictions)
      throw invalid('overloaded', `${open} predictions are in work.`, { retryAfter: 1 });
    open += 1;
    // Comes after the answer and where the client went away before it.
    reply.raw.once('close', () => {
      open -= 1;
    });
  });
};
