/**
 * What Node would answer by itself, without a code and a request id: requests that are not HTTP, and
 * expectations.
 */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { problemBody } from './error-reply.ts';
import { clientErrorOf, invalid } from './error-table.ts';

const clientErrorCodes: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/**
 * Requests that are not HTTP never reach a route; the answer is written by hand.
 * @returns its code; undefined where nobody is left to answer
 */
export const answerBrokenRequest = (
  error: Error & { code?: string },
  socket: Duplex,
  requestId: string,
): string | undefined => {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return undefined;
  }
  const code = clientErrorCodes[error.code ?? ''] ?? 'malformed_request';
  return answerByHand(code, socket, requestId);
};

/** @returns the code */
const answerByHand = (
  code: string,
  socket: Duplex,
  requestId: string,
  headers: readonly string[] = [],
): string => {
  const problem = clientErrorOf(invalid(code, 'The request is broken.'));
  const body = JSON.stringify(problemBody(problem, requestId));
  socket.end(
    [
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
      'Content-Type: application/problem+json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      `X-Request-Id: ${requestId}`,
      ...headers,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
  return problem.code;
};

/** Node closes without a word on who asks for a tunnel. */
export const refuseTunnels = (app: FastifyInstance, newRequestId: () => string): void => {
  app.server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    // Whoever goes away meanwhile is no failure of the server.
    socket.on('error', () => socket.destroy());
    answerByHand('method_not_allowed', socket, newRequestId(), ['Allow: GET, HEAD, POST']);
  });
};

/**
 * A client that asks before it sends a body is told to go on only when everything that the head says
 * is right. Expectations that nobody knows are passed over, as HTTP allows.
 */
export const addExpectations = (app: FastifyInstance): void => {
  const waiting = new WeakSet<IncomingMessage>();
  const handle = (request: IncomingMessage, response: ServerResponse) =>
    app.server.emit('request', request, response);
  app.server.on('checkExpectation', handle);
  app.server.on('checkContinue', (request, response) => {
    waiting.add(request);
    handle(request, response);
  });
  app.addHook('preParsing', async ({ raw }, reply) => {
    if (waiting.delete(raw)) reply.raw.writeContinue();
  });
};
