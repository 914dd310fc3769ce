/** `POST /predict`: one picture or a batch in, scores out. */

import { z } from 'zod';
import { RelearnError } from '../../base/errors.ts';
import type { PredictionReport } from '../../records/reports.ts';
import type { AppContext } from '../app-context.ts';
import { decodeDataUrl } from '../data-url.ts';
import { clientErrorOf } from '../error-table.ts';
import { parsePictureRequest } from '../parse-picture-request.ts';
import { bodyOf } from '../request-body.ts';
import type { Route } from '../route.ts';
import {
  binary,
  dataUrl,
  pictureBody,
  pictureForm,
  picturesBody,
  prediction,
  predictions,
} from '../schemas.ts';

type Item =
  | PredictionReport
  | { readonly error: { readonly code: string; readonly title: string } };

export const predictRoute = (context: AppContext): Route => ({
  method: 'POST',
  path: '/predict',
  summary: 'Classify a picture, or a batch of pictures.',
  scope: 'predict',
  accepts: {
    'text/plain': dataUrl,
    'image/jpeg': binary,
    'image/png': binary,
    'image/webp': binary,
    'application/octet-stream': binary,
    'application/json': z.union([pictureBody, picturesBody]),
    'multipart/form-data': pictureForm,
  },
  answers: { 'application/json': z.union([prediction, predictions]) },
  errors: ['unsupported_image', 'corrupt_image', 'too_many_pixels', 'model_not_ready'],
  handle: async (request) => {
    const asked = await parsePictureRequest(bodyOf(request), context.limits);
    context.metrics.batch('pictures' in asked ? asked.pictures.length : 1);
    if ('picture' in asked) return predictOne(context, asked.picture);
    const results: Item[] = [];
    // One after the other: a batch must not push single requests aside.
    for (const picture of asked.pictures) {
      // Nobody waits for the rest any more.
      if (request.raw.socket.destroyed) break;
      results.push(await predictItem(context, picture));
    }
    return { results };
  },
});

const predictOne = async (context: AppContext, picture: Uint8Array): Promise<PredictionReport> => {
  const { relearn, clock, metrics } = context;
  const started = clock.monotonic();
  const seconds = () => (clock.monotonic() - started) / 1000;
  try {
    const report = await relearn.predict(picture);
    const score = report.result[report.label] ?? 0;
    metrics.prediction({ version: report.version, score }, seconds());
    return report;
  } catch (error) {
    metrics.prediction(clientErrorOf(error), seconds());
    throw error;
  }
};

/** A picture that cannot be read fails alone; a server that cannot answer fails the request. */
const predictItem = async (context: AppContext, picture: string): Promise<Item> => {
  try {
    return await predictOne(context, decodeDataUrl(picture));
  } catch (error) {
    if (!(error instanceof RelearnError) || error.kind !== 'invalid') throw error;
    const { code, title } = clientErrorOf(error);
    return { error: { code, title } };
  }
};
