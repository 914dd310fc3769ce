/**
 * `POST /invoke`, `/` and `/events`: an event of any known form, or no body. What names only objects
 * elsewhere, or is no event, is not ours; everything else is a hint, and the store decides.
 */
import type { InvokeReport } from '../../records/reports.ts';
import type { AppContext } from '../app-context.ts';
import { considerTraining } from '../consider-training.ts';
import { mediaTypeOf } from '../request-body.ts';
import type { Route } from '../route.ts';
import { anything, invokeReport } from '../schemas.ts';
import { concernsUs, placeOf } from '../training-event.ts';

const notOurs: InvokeReport = { result: { trained: false, reason: 'not-our-event' } };

export const invokeRoutes = (context: AppContext): Route[] => {
  const place = placeOf(context.relearn.location);
  return ['/invoke', '/', '/events'].map((path) => ({
    method: 'POST',
    path,
    summary: 'Look at the store and train if every label has enough new feedback.',
    scope: 'train',
    accepts: { '*/*': anything },
    bodyOptional: true,
    answers: { 'application/json': invokeReport },
    errors: ['invalid_event', 'storage_unavailable'],
    handle: ({ body, headers }) => {
      const bytes = body instanceof Uint8Array ? body : new Uint8Array();
      const event = { bytes, mediaType: mediaTypeOf(headers), headers };
      if (!concernsUs(event, place)) return notOurs;
      // Without a trigger nobody looks again before the next event or timer: what a host killed a moment
      // ago still holds the lease, and its training is to go on now.
      const waitForLease = context.trigger === undefined;
      return considerTraining(context, { signal: context.closing, waitForLease });
    },
  }));
};
