/** Errors on the wire: `application/problem+json` (RFC 9457) with a stable code. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RelearnError } from '../base/errors.ts';
import { type ClientError, clientErrorOf } from './error-table.ts';

/** Details that help a program and give nothing away. */
const safeDetails = ['labels', 'pointer', 'limit', 'reason'] as const;

const detailsOf = (error: unknown): Record<string, unknown> => {
  const details = error instanceof RelearnError ? error.details : undefined;
  if (details === undefined) return {};
  return Object.fromEntries(
    safeDetails.filter((name) => Object.hasOwn(details, name)).map((name) => [name, details[name]]),
  );
};

export const problemBody = (problem: ClientError, requestId: string, error?: unknown) => ({
  type: `urn:relearn:problem:${problem.code}`,
  title: problem.title,
  status: problem.status,
  code: problem.code,
  hint: problem.hint,
  requestId,
  ...detailsOf(error),
});

/** Status codes at which trying again a little later makes sense. */
const retryAfterSeconds: Readonly<Record<number, number>> = { 429: 10, 503: 5, 507: 60 };

/** Where whoever refused knows how long. */
const retryAfterOf = (error: unknown): number | undefined => {
  const seconds = error instanceof RelearnError ? error.details?.retryAfter : undefined;
  return typeof seconds === 'number' ? seconds : undefined;
};

/** For whoever runs the server; clients get the hint of the table. */
const hintOf = (error: unknown): { readonly hint?: string } =>
  error instanceof RelearnError && error.hint !== undefined ? { hint: error.hint } : {};

export const sendProblem = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
  const problem = clientErrorOf(error);
  // The whole error, with its cause, is for the log only.
  if (problem.status === 500)
    request.log.error({ code: problem.code, err: error }, 'request failed');
  else if (problem.status > 500)
    request.log.warn(
      { code: problem.code, reason: String(error), ...hintOf(error) },
      'not available',
    );
  const retryAfter = retryAfterOf(error) ?? retryAfterSeconds[problem.status];
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer realm="relearn"');
  return (
    reply
      .code(problem.status)
      .header('content-type', 'application/problem+json')
      // As bytes: to text Fastify would add a charset, which this media type does not have.
      .send(Buffer.from(JSON.stringify(problemBody(problem, request.id, error))))
  );
};
