/** Is the process alive, and is everything it serves ready? Load balancers ask these two apart. */
import { RelearnError } from '../../base/errors.ts';
import type { AppContext } from '../app-context.ts';
import type { Route } from '../route.ts';
import { health, readiness } from '../schemas.ts';

export const healthRoutes = (context: AppContext): Route[] => [
  {
    method: 'GET',
    path: '/healthz',
    summary: 'Whether the process is alive.',
    scope: null,
    answers: { 'application/json': health },
    handle: () => ({ ok: true }),
  },
  {
    method: 'GET',
    path: '/readyz',
    summary: 'Whether everything that this process serves is ready.',
    scope: null,
    answers: { 'application/json': readiness },
    errors: ['model_not_ready', 'shutting_down'],
    handle: async () => {
      if (context.isStopping()) throw notReady('shutting_down', 'the server is stopping');
      if (!context.functions.includes('predict')) return { ready: true };
      const { ready, reason } = await context.relearn.readiness();
      if (!ready) throw notReady('model_not_ready', reason);
      return { ready: true };
    },
  },
];

const notReady = (code: string, reason: string | null) =>
  new RelearnError('unavailable', code, 'Not ready.', { details: { reason } });
