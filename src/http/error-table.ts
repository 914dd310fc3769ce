/**
 * Every error a client can meet: its status and the sentence it gets. The answer is built from this
 * table alone; an error's own message may name keys and files, so it goes to the log only.
 */
import { type ErrorKind, RelearnError } from '../base/errors.ts';

export interface Problem {
  readonly status: number;
  readonly title: string;
  /** What the caller can do about it. */
  readonly hint: string;
}

const entry = (status: number, title: string, hint: string): Problem => ({ status, title, hint });

const problems: Readonly<Record<string, Problem>> = {
  empty_body: entry(
    400,
    'The request has no body.',
    'Send the picture: its bytes as image/jpeg, or JSON such as {"picture":"data:image/jpeg;base64,…"}. With curl: --data-binary @FILE.',
  ),
  malformed_request: entry(
    400,
    'The request is not well-formed HTTP.',
    'Look at the request line, the headers and the percent signs in the address; HTTP clients and curl write them right.',
  ),
  invalid_event: entry(
    400,
    'The event is not valid JSON.',
    'Send the event as the storage or the timer makes it, or an empty body.',
  ),
  invalid_json: entry(
    400,
    'The body is not valid JSON.',
    'Send an object such as {"picture":"data:image/jpeg;base64,…"} in UTF-8 without a byte order mark, or the bytes of the picture as image/jpeg.',
  ),
  json_too_deep: entry(
    400,
    'The JSON is nested too deeply.',
    'Send a flat object, as /openapi.json describes it.',
  ),
  contradicting_feedback: entry(
    400,
    'The fields target and verdict contradict each other.',
    'Send one of the two: the target, or what you think of the prediction.',
  ),
  forbidden_key: entry(
    400,
    'The body holds a key that is not allowed.',
    'Leave out __proto__, constructor and prototype.',
  ),
  invalid_multipart: entry(
    400,
    'The multipart body is not valid or has too many parts.',
    'Send one file field picture and the text fields that /openapi.json names, behind a boundary. With curl: -F picture=@FILE -F target=LABEL.',
  ),
  missing_key: entry(401, 'This needs an API key.', 'Send it as Authorization: Bearer KEY.'),
  bad_key: entry(401, 'The API key is not known.', 'Ask whoever runs the server for a key.'),
  insufficient_scope: entry(
    403,
    'The API key does not allow this.',
    'Use a key with the scope that this route asks for; /openapi.json lists them.',
  ),
  cross_site_request: entry(
    403,
    'Requests from other sites are not accepted.',
    "Call from the server's own page or from a program, or send an API key.",
  ),
  not_found: entry(404, 'There is nothing here.', '/openapi.json lists the routes.'),
  page_not_built: entry(
    404,
    'The page was not built into this program.',
    'Whoever runs the server has to build the program with npm run build; all other routes answer.',
  ),
  version_not_found: entry(404, 'There is no such version.', 'GET /api/models lists the versions.'),
  prediction_not_found: entry(
    404,
    'There is no such prediction.',
    'Use the predictionId of an answer of /predict.',
  ),
  method_not_allowed: entry(
    405,
    'This method is not allowed here.',
    'The Allow header names what this path takes; /openapi.json lists the routes.',
  ),
  request_timeout: entry(
    408,
    'The request took too long to arrive.',
    'Send the whole request at once; a smaller picture helps on a slow line: 512 pixels a side are enough.',
  ),
  label_retired: entry(
    409,
    'The label is no longer in use.',
    'Use one of the labels listed at /api/status.',
  ),
  version_incomplete: entry(
    409,
    'The version lacks a file.',
    'Choose another version; relearn fsck names the file that is missing.',
  ),
  no_previous_champion: entry(
    409,
    'There is no earlier champion to go back to.',
    'Promote a version by hand instead: POST /api/models/VERSION/promote.',
  ),
  not_a_previous_champion: entry(
    409,
    'This version is none of the champions to go back to.',
    'Promote it by hand instead: POST /api/models/VERSION/promote.',
  ),
  prediction_expired: entry(
    410,
    'The picture of this prediction is not kept; send it along.',
    'Post the picture with its target to /callback.',
  ),
  body_too_large: entry(
    413,
    'The body is too large.',
    'Send a smaller picture: 512 pixels a side are enough.',
  ),
  too_many_pictures: entry(
    413,
    'There are too many pictures in one request.',
    'Split them over several requests.',
  ),
  unsupported_media_type: entry(
    415,
    'The content type is not supported here.',
    "Send JSON, multipart, a data URL as text/plain, or the bytes as image/jpeg. With curl: --data-binary @FILE -H 'Content-Type: image/jpeg', or -F picture=@FILE.",
  ),
  unsupported_encoding: entry(
    415,
    'Encoded bodies are not supported.',
    'Send the body as it is, without Content-Encoding.',
  ),
  unsupported_image: entry(
    415,
    'The picture is not a JPEG, PNG or WebP.',
    'Convert it to JPEG, PNG or WebP.',
  ),
  bad_host: entry(
    421,
    'The server does not answer for this host name.',
    'Use the name or the address that the server was started with; on one machine 127.0.0.1 or localhost.',
  ),
  unknown_field: entry(
    422,
    'The body has a field that is not known or is repeated.',
    'The fields are picture, pictures, predictionId, target and verdict; /openapi.json tells which go together.',
  ),
  invalid_field: entry(
    422,
    'A field is missing or has the wrong form.',
    '`pointer` names it. A prediction takes picture, feedback takes picture and target, or predictionId with target or verdict; /openapi.json tells more.',
  ),
  bad_data_url: entry(
    422,
    'The picture is not a base64 data URL.',
    'Write data:image/jpeg;base64, and the base64 of the file.',
  ),
  url_not_supported: entry(
    422,
    'Pictures are not fetched from addresses; send their bytes.',
    'Download the picture, then send its bytes, or a data URL of them.',
  ),
  bad_base64: entry(
    422,
    'The picture is not valid base64.',
    'Encode the whole file, without line breaks and with its padding: base64 -w0 FILE.',
  ),
  empty_image: entry(
    422,
    'The picture is empty.',
    'Send the file again; what arrived has no bytes.',
  ),
  corrupt_image: entry(
    422,
    'The picture is damaged.',
    'Open the file in a viewer and save it again.',
  ),
  truncated_image: entry(422, 'The picture is cut off.', 'Send the file again, whole.'),
  too_many_pixels: entry(
    422,
    'The picture has too many pixels.',
    'Shrink it: 512 pixels a side are enough.',
  ),
  too_many_channels: entry(422, 'The picture has too many channels.', 'Convert it to RGB or grey.'),
  image_too_complex: entry(
    422,
    'The picture takes too long to decode.',
    'Save it again as a plain JPEG: 512 pixels a side are enough.',
  ),
  aspect_ratio: entry(422, 'The picture is too narrow.', 'Cut out the part that shows something.'),
  unknown_label: entry(
    422,
    'The label is not known.',
    'Use one of the labels listed here, or one of their aliases.',
  ),
  invalid_version: entry(
    422,
    'A version is a whole number from 1.',
    'GET /api/models lists the versions.',
  ),
  rate_limited: entry(
    429,
    'Too many requests; try again later.',
    'Wait for the seconds in Retry-After.',
  ),
  headers_too_large: entry(
    431,
    'The request headers are too large.',
    'Send fewer or shorter headers; cookies are not needed.',
  ),
  internal: entry(
    500,
    'The server failed.',
    'Try again; if it stays, whoever runs the server finds the cause in its log, under this requestId.',
  ),
  model_output_invalid: entry(
    500,
    'The model gave an invalid answer.',
    'Whoever runs the server has to go back to another version: relearn models rollback.',
  ),
  model_not_ready: entry(
    503,
    'No model is ready yet.',
    'Import pictures and run relearn train; /readyz tells when a model answers.',
  ),
  shutting_down: entry(
    503,
    'The server is stopping.',
    'Try again after the seconds in Retry-After.',
  ),
  overloaded: entry(
    503,
    'The server is busy; try again soon.',
    'Wait for the seconds in Retry-After.',
  ),
  storage_unavailable: entry(
    503,
    'The storage does not answer.',
    'Send it again after the seconds in Retry-After; nothing is taken in twice.',
  ),
  storage_read_only: entry(
    503,
    'The storage is read-only.',
    'Whoever runs the server has to make it writable; send it again then.',
  ),
  store_too_new: entry(
    503,
    'The store was written by a newer release.',
    'Whoever runs the server has to install that release.',
  ),
  name_taken: entry(
    503,
    'Something in the storage is in the way of this answer.',
    'Whoever runs the server has to remove it, the log names it; send the answer again then.',
  ),
  deadline_exceeded: entry(
    504,
    'The answer took too long.',
    'Send it again; nothing is taken in twice.',
  ),
  storage_full: entry(
    507,
    'The storage is full.',
    'Whoever runs the server has to make room; nothing that was accepted is lost.',
  ),
};

/** Causes that are one and the same to a client. */
const sameToClients: Readonly<Record<string, string>> = Object.fromEntries(
  [
    'ambiguous_write',
    'bucket_not_found',
    'name_not_possible',
    'storage_clock_skew',
    'storage_credentials_expired',
    'storage_credentials_missing',
    'storage_credentials_refused',
    'storage_denied',
    'storage_not_suitable',
    'storage_tls',
    'storage_wrong_region',
  ].map((code) => [code, 'storage_unavailable']),
);

/** For codes without a row: what the kind of the error means to a client. */
const problemOfKind: Readonly<Record<ErrorKind, Problem>> = {
  invalid: entry(
    422,
    'The request cannot be processed.',
    '/openapi.json tells what each route takes.',
  ),
  usage: entry(
    422,
    'The request cannot be processed.',
    '/openapi.json tells what each route takes.',
  ),
  'not-found': entry(404, 'There is nothing here.', '/openapi.json lists the routes.'),
  conflict: entry(409, 'Something else changed at the same time; try again.', 'Send it again.'),
  unavailable: entry(
    503,
    'Not available now; try again later.',
    'Send it again after the seconds in Retry-After; nothing is taken in twice.',
  ),
  corrupt: entry(
    500,
    'The server found damaged data.',
    'Whoever runs the server finds out more with relearn fsck.',
  ),
  internal: entry(
    500,
    'The server failed.',
    'Try again; if it stays, whoever runs the server finds the cause in its log, under this requestId.',
  ),
};

/** Codes of Fastify's own errors that a client can cause. */
const frameworkCodes: Readonly<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed_request',
  FST_ERR_BAD_URL: 'malformed_request',
  FST_ERR_ASYNC_CONSTRAINT: 'malformed_request',
  FST_ERR_MAX_PARAM_LENGTH: 'not_found',
};

export interface ClientError extends Problem {
  readonly code: string;
}

/** What is wrong inside the server is none of a client's business; the log names it. */
const isInside = (kind: ErrorKind): boolean => kind === 'corrupt' || kind === 'internal';

const clientErrorOfOurs = ({ code: cause, kind }: RelearnError): ClientError => {
  const code = Object.hasOwn(sameToClients, cause) ? (sameToClients[cause] ?? cause) : cause;
  const problem = Object.hasOwn(problems, code) ? problems[code] : undefined;
  if (problem) return { code, ...problem };
  return { code: isInside(kind) ? 'internal' : code, ...problemOfKind[kind] };
};

/** What a client may know of any thrown value. */
export const clientErrorOf = (error: unknown): ClientError => {
  if (error instanceof RelearnError) return clientErrorOfOurs(error);
  const code = frameworkCode(error);
  return { code, ...(problems[code] ?? problemOfKind.internal) };
};

const frameworkCode = (error: unknown): string => {
  if (!(error instanceof Error)) return 'internal';
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  if (typeof code === 'string' && Object.hasOwn(frameworkCodes, code))
    return frameworkCodes[code] ?? 'internal';
  const isClientsFault = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
  return isClientsFault ? 'malformed_request' : 'internal';
};

/** An error that a request's own text or form causes. */
export const invalid = (
  code: string,
  message: string,
  details?: Readonly<Record<string, unknown>>,
): RelearnError => new RelearnError('invalid', code, message, details ? { details } : {});
