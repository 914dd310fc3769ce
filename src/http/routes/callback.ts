/** `POST /callback`: what a picture really shows. Durable before it answers. */
import { z } from 'zod';
import type { AppContext } from '../app-context.ts';
import { clientErrorOf } from '../error-table.ts';
import { parseCallback } from '../parse-callback.ts';
import { bodyOf } from '../request-body.ts';
import type { Route } from '../route.ts';
import {
  feedbackReceipt,
  pictureFeedback,
  pictureFeedbackForm,
  predictionFeedback,
} from '../schemas.ts';

const json = z.union([pictureFeedback, predictionFeedback]);

export const callbackRoute = ({ relearn, metrics, limits, trigger }: AppContext): Route => ({
  method: 'POST',
  path: '/callback',
  summary: 'Send the right label of a picture, or judge an earlier prediction.',
  scope: 'feedback',
  accepts: {
    'application/json': json,
    'text/plain': json,
    'multipart/form-data': z.union([pictureFeedbackForm, predictionFeedback]),
  },
  answers: { 'application/json': feedbackReceipt },
  errors: [
    'contradicting_feedback',
    'unknown_label',
    'unsupported_image',
    'corrupt_image',
    'prediction_not_found',
    'prediction_expired',
  ],
  handle: async (request) => {
    try {
      const feedback = await parseCallback(bodyOf(request), limits);
      const receipt = await relearn.collectFeedback({ ...feedback, source: request.caller });
      metrics.feedback(receipt.status);
      if (receipt.status === 'accepted') trigger?.hint();
      return receipt;
    } catch (error) {
      metrics.feedback(clientErrorOf(error).code);
      throw error;
    }
  },
});
