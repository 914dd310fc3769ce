/** What `POST /callback` takes: a picture and its label, or an earlier prediction and what is said of it. */
import type { FeedbackInput } from '../loop/relearn-api.ts';
import type { Limits } from './app-context.ts';
import { decodeDataUrl } from './data-url.ts';
import { readJson } from './read-json.ts';
import { readMultipart } from './read-multipart.ts';
import { type RequestBody, unsupportedMediaType } from './request-body.ts';
import { check, pictureFeedback, predictionFeedback } from './schemas.ts';

type Feedback = Omit<FeedbackInput, 'source'>;

/** @throws RelearnError invalid, with the codes of the readers it calls */
export const parseCallback = async (body: RequestBody, limits: Limits): Promise<Feedback> => {
  const parse = Object.hasOwn(parsers, body.mediaType) ? parsers[body.mediaType] : undefined;
  if (parse === undefined) throw unsupportedMediaType(body.mediaType);
  return parse(body, limits);
};

type Parser = (body: RequestBody, limits: Limits) => Feedback | Promise<Feedback>;

const parseJson: Parser = ({ bytes }, limits) => {
  const value = readJson(bytes, limits.jsonDepth);
  if (hasPredictionId(value)) return ofPrediction(value);
  const { picture, target } = check(pictureFeedback, value);
  return { picture: decodeDataUrl(picture), target };
};

const parsers: Readonly<Record<string, Parser>> = {
  'application/json': parseJson,
  // The article's script sends its JSON under this name.
  'text/plain': parseJson,
  'multipart/form-data': async ({ contentType, bytes }) => {
    const { picture, fields } = await readMultipart(contentType, bytes);
    if (picture === undefined && hasPredictionId(fields)) return ofPrediction(fields);
    const { target } = check(pictureFeedback, { ...fields, picture: picture && '' });
    return { picture: picture ?? new Uint8Array(), target };
  },
};

const hasPredictionId = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, 'predictionId');

const ofPrediction = (value: unknown): Feedback => {
  const { predictionId, target, verdict } = check(predictionFeedback, value);
  return {
    predictionId,
    ...(target === undefined ? {} : { target }),
    ...(verdict === undefined ? {} : { verdict }),
  };
};
