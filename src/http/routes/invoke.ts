/**
 * `POST /invoke`, `/` and `/events`: an event of any shape, or none. Events are hints only, so their
 * bodies are never believed: the store decides.
 */
import type { AppContext } from '../app-context.ts';
import { considerTraining } from '../consider-training.ts';
import type { Route } from '../route.ts';
import { anything, invokeReport } from '../schemas.ts';

export const invokeRoutes = (context: AppContext): Route[] =>
  ['/invoke', '/', '/events'].map((path) => ({
    method: 'POST',
    path,
    summary: 'Look at the store and train if every label has enough new feedback.',
    scope: 'train',
    accepts: { '*/*': anything },
    bodyOptional: true,
    answers: { 'application/json': invokeReport },
    errors: ['storage_unavailable'],
    handle: () => considerTraining(context, { signal: context.closing }),
  }));
